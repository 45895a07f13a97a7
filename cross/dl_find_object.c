/* _dl_find_object(3) for programs linked with musl: gcc's unwinder (libgcc_eh), as Debian builds it for glibc, asks the C library by
 * it where the unwinding table of the code at PC is. Compiled with glibc's headers, which say what the structure is. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>

struct search {
    uintptr_t pc;
    struct dl_find_object *found;
};

static int visit(struct dl_phdr_info *object, size_t size, void *data) {
    (void)size;
    struct search *search = data;
    uintptr_t start = 0, end = 0, table = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t address = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_EH_FRAME)
            table = address;
        if (segment->p_type == PT_LOAD && search->pc - address < segment->p_memsz) {
            start = address;
            end = address + segment->p_memsz;
        }
    }
    if (end == 0 || table == 0)
        return 0;
    search->found->dlfo_flags = 0;
    search->found->dlfo_map_start = (void *)start;
    search->found->dlfo_map_end = (void *)end;
    search->found->dlfo_link_map = NULL;
    search->found->dlfo_eh_frame = (void *)table;
    return 1;
}

int _dl_find_object(void *pc, struct dl_find_object *found) {
    struct search search = {(uintptr_t)pc, found};
    return dl_iterate_phdr(visit, &search) == 1 ? 0 : -1;
}
