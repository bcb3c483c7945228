/* Runs a fuzz target over the files of its corpus: replay DIR... */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0) {
        perror(path);
        if (f)
            (void)fclose(f);
        return -1;
    }
    rewind(f);
    data = malloc((size_t)size ? (size_t)size : 1); /* exactly: ASan sees a read past the end */
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
        perror(path);
        free(data);
        (void)fclose(f);
        return -1;
    }
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;

        if (!dir) {
            perror(argv[i]);
            return 1;
        }
        while ((entry = readdir(dir))) {
            char path[4096];

            if (entry->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay_file(path) < 0)
                return 1;
            files++;
        }
        (void)closedir(dir);
    }
    printf("%d inputs replayed\n", files);
    return files ? 0 : 1;
}
