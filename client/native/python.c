/* Which Python runs the helper: that of the installation which the library belongs to. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

static const char VARIABLE[] = "SEEMACHINE_PYTHON";

static bool runs(const char *path) { return access(path, X_OK) == 0; }

/* Cut the last name off a path. Returns it, or NULL when there is none. */
static char *cut(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return slash + 1;
}

/* The folder of this library. A symbolic link to the library leads to where it is. */
static bool own_folder(char folder[PATH_MAX]) {
    Dl_info found;
    return dladdr((const void *)VARIABLE, &found) != 0 && found.dli_fname != NULL &&
           realpath(found.dli_fname, folder) != NULL && cut(folder) != NULL;
}

/* An installation that stays in its clone says beside the library which Python it was made by. */
static bool written(const char *folder, char *path, size_t size) {
    char note[PATH_MAX + 8];
    snprintf(note, sizeof note, "%s/python", folder);
    FILE *file = fopen(note, "re");
    if (file == NULL)
        return false;
    bool read = fgets(path, (int)size, file) != NULL;
    fclose(file);
    if (!read)
        return false;
    path[strcspn(path, "\n")] = '\0';
    return path[0] == '/' && runs(path);
}

/* PREFIX/lib/python3.11/site-packages/seeclient/library: then PREFIX/bin/python3.11. */
static bool derived(char *folder, char *path, size_t size) {
    char *name = NULL;
    for (int level = 0; level < 3; level++)
        cut(folder);
    name = cut(folder);
    char *lib = name == NULL ? NULL : cut(folder);
    if (lib == NULL || strncmp(name, "python3", 7) != 0 || strncmp(lib, "lib", 3) != 0)
        return false;
    snprintf(path, size, "%s/bin/%s", folder, name);
    if (runs(path))
        return true;
    snprintf(path, size, "%s/bin/python3", folder);
    return runs(path);
}

/* The first of $PATH. A program that runs as another user than who started it has none. */
static bool on_path(char *path, size_t size) {
    const char *folders = secure_getenv("PATH");
    while (folders != NULL && *folders != '\0') {
        int length = (int)strcspn(folders, ":");
        snprintf(path, size, "%.*s/python3", length, folders);
        if (length > 0 && runs(path))
            return true;
        folders += length + (folders[length] == ':');
    }
    snprintf(path, size, "/usr/bin/python3");
    return runs(path);
}

bool sm_python(char *path, size_t size, char reason[SM_REASON_BYTES]) {
    char folder[PATH_MAX];
    const char *chosen = secure_getenv(VARIABLE);
    if (chosen != NULL && *chosen != '\0') {
        if ((size_t)snprintf(path, size, "%s", chosen) < size && runs(path))
            return true;
        snprintf(reason, SM_REASON_BYTES,
                 "there is no program %.250s, which %s names; give it the path of a Python that has"
                 " seemachine",
                 chosen, VARIABLE);
        return false;
    }
    if (own_folder(folder) && (written(folder, path, size) || derived(folder, path, size)))
        return true;
    if (on_path(path, size))
        return true;
    snprintf(reason, SM_REASON_BYTES,
             "there is no Python to run seemachine with; give %s the path of one that has it",
             VARIABLE);
    return false;
}
