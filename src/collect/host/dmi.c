/* /sys/class/dmi/id: who built the machine. Serial numbers can be read by root only. */
#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *file, *label;
} fields[] = {
    {"bios_date", "bios_date"},
    {"bios_release", "bios_release"},
    {"bios_vendor", "bios_vendor"},
    {"bios_version", "bios_version"},
    {"board_asset_tag", "board_asset_tag"},
    {"board_name", "board_name"},
    {"board_serial", "board_serial"},
    {"board_vendor", "board_vendor"},
    {"board_version", "board_version"},
    {"chassis_asset_tag", "chassis_asset_tag"},
    {"chassis_serial", "chassis_serial"},
    {"chassis_vendor", "chassis_vendor"},
    {"chassis_version", "chassis_version"},
    {"product_family", "product_family"},
    {"product_name", "product_name"},
    {"product_serial", "product_serial"},
    {"product_sku", "product_sku"},
    {"product_uuid", "product_uuid"},
    {"product_version", "product_version"},
    {"sys_vendor", "system_vendor"},
};

void dmi_collect(struct host_run *r)
{
    int dir = files_dir(r->files, FILES_SYS, "class/dmi/id");
    struct label labels[ARRAY_LEN(fields)];
    size_t n = 0;
    struct str text;

    if (dir < 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (host_attr(r, dir, fields[i].file, &text))
            labels[n++] = (struct label){str_c(fields[i].label), host_keep(r, text)};
    }
    if (!n)
        return;
    host_family(r, METRIC_GAUGE, "node_dmi_info",
                "A metric with a constant '1' value labeled by bios_date, bios_release, "
                "bios_vendor, bios_version, board_asset_tag, board_name, board_serial, "
                "board_vendor, board_version, chassis_asset_tag, chassis_serial, chassis_vendor, "
                "chassis_version, product_family, product_name, product_serial, product_sku, "
                "product_uuid, product_version, system_vendor if provided by DMI.");
    host_sample(r, 1, labels, n);
}
