#include "entries.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

static int entry_fill(struct acorn_object_keyEntry *entry, const struct sm_field *pair)
{
    entry->alias = text_copy(pair[0].data, pair[0].size);
    entry->algorithm = text_copy(pair[1].data, pair[1].size);
    return entry->alias && entry->algorithm ? 0 : -1;
}

int entries_fill(struct acorn_response_list *list, const struct sm_reply *reply)
{
    size_t count = reply->count / 2, size = (count ? count : 1) * sizeof *list->entries;
    list->entries = malloc(size);
    if (!list->entries)
        return -1;
    memset(list->entries, 0, size);
    list->n_entries = (unsigned)count;
    for (size_t i = 0; i < count; i++)
        if (entry_fill(&list->entries[i], &reply->fields[2 * i]))
            return -1;
    return 0;
}

void entries_free(struct acorn_response_list *list)
{
    for (unsigned i = 0; list->entries && i < list->n_entries; i++) {
        free(list->entries[i].alias);
        free(list->entries[i].algorithm);
    }
    free(list->entries);
    *list = (struct acorn_response_list){0};
}
