#include "base/test.h"
#include "collect/process/cgroup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_unit_is_any_part_of_the_path(void **state)
{
    struct str text =
        STR("0::/user.slice/user-1000.slice/user@1000.service/app.slice/hub.service\n");

    (void)state;
    assert_true(cgroup_has_unit(text, STR("hub")));
    assert_true(cgroup_has_unit(text, STR("hub.service")));
    assert_true(cgroup_has_unit(text, STR("app.slice")));
    assert_true(cgroup_has_unit(text, STR("user@1000")));
    assert_false(cgroup_has_unit(text, STR("hu")));
    assert_false(cgroup_has_unit(text, STR("app")));
    assert_false(cgroup_has_unit(STR(""), STR("hub")));
}

static void a_container_is_found_under_every_runtime(void **state)
{
    static const char *const texts[] = {
        "0::/system.slice/docker-" ID ".scope\n",
        "5:memory:/docker/" ID "\n0::/\n",
        "0::/machine.slice/libpod-" ID ".scope/container\n",
        "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_true(str_eq(cgroup_container(str_c(texts[i])), STR(ID)));
}

static void what_is_no_container_has_no_id(void **state)
{
    (void)state;
    assert_int_equal(cgroup_container(STR("0::/system.slice/cron.service\n")).n, 0);
    assert_int_equal(cgroup_container(STR("0::/machine.slice/libpod-conmon-" ID ".scope\n")).n, 0);
    assert_int_equal(cgroup_container(STR("0::/x/" ID "0\n")).n, 0);
    assert_int_equal(cgroup_container(STR("0::/docker-" ID ".scope")).n, 0); /* cut */
}

static void a_machine_has_its_name_in_the_path(void **state)
{
    (void)state;
    assert_true(
        cgroup_has_machine(STR("0::/machine.slice/machine-lab.scope/payload\n"), STR("lab")));
    assert_true(cgroup_has_machine(STR("0::/lxc.payload.lab/init.scope\n"), STR("lab")));
    assert_false(cgroup_has_machine(STR("0::/machine.slice/machine-label.scope\n"), STR("lab")));
}

static void kills_are_counted_in_the_memory_hierarchy(void **state)
{
    char path[CGROUP_PATH_MAX];

    (void)state;
    cgroup_oom_file(STR("0::/system.slice/hub.service\n"), path);
    assert_string_equal(path, "fs/cgroup/system.slice/hub.service/memory.events");
    cgroup_oom_file(STR("5:cpu,memory:/docker/x\n0::/system.slice/hub.service\n"), path);
    assert_string_equal(path, "fs/cgroup/memory/docker/x/memory.oom_control");
    cgroup_oom_file(STR("0::/system.slice/hub.service\n5:memory:/\n"), path);
    assert_string_equal(path, "fs/cgroup/memory//memory.oom_control");
    cgroup_oom_file(STR("0::/\n"), path);
    assert_string_equal(path, "");
}

static void a_containers_folder_ends_with_the_part_that_has_its_id(void **state)
{
    char path[CGROUP_PATH_MAX];

    (void)state;
    cgroup_container_folder(STR("0::/machine.slice/libpod-" ID ".scope/container\n"), STR("memory"),
                            STR(ID), path);
    assert_string_equal(path, "fs/cgroup/machine.slice/libpod-" ID ".scope");
    cgroup_container_folder(STR("4:memory:/docker/" ID "/x\n0::/docker/" ID "\n"), STR("memory"),
                            STR(ID), path);
    assert_string_equal(path, "fs/cgroup/memory/docker/" ID);
    cgroup_container_folder(STR("4:memory:/docker/" ID "\n0::/docker/" ID "\n"), STR("cpuacct"),
                            STR(ID), path);
    assert_string_equal(path, "fs/cgroup/docker/" ID);
    cgroup_container_folder(STR("0::/../../docker/" ID "\n"), STR("memory"), STR(ID), path);
    assert_string_equal(path, ""); /* of a namespace that is not ours */
    cgroup_container_folder(STR("0::/docker/x\n"), STR("memory"), STR(ID), path);
    assert_string_equal(path, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_unit_is_any_part_of_the_path),
        cmocka_unit_test(a_container_is_found_under_every_runtime),
        cmocka_unit_test(what_is_no_container_has_no_id),
        cmocka_unit_test(a_machine_has_its_name_in_the_path),
        cmocka_unit_test(kills_are_counted_in_the_memory_hierarchy),
        cmocka_unit_test(a_containers_folder_ends_with_the_part_that_has_its_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
