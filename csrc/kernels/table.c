/* The kernel table of one instruction set; compiled once for each. Read
 * next: kernels/pointwise.c. */
#include "kernels/kernels.h"

#include <pthread.h>

#define NAME_OF_(isa) #isa
#define NAME_OF(isa)  NAME_OF_(isa)

static mt_kernels table;

static void fill(void)
{
#if defined(MT_ISA_BELOW)
    table = *MT_CAT(mt_kernels_table, MT_ISA_BELOW)();
#endif
    table.name = NAME_OF(MT_ISA);
    MT_ISA_NAME(mt_fill_pointwise)(&table);
    MT_ISA_NAME(mt_fill_blend)(&table);
    MT_ISA_NAME(mt_fill_copy)(&table);
    MT_ISA_NAME(mt_fill_reduce)(&table);
    MT_ISA_NAME(mt_fill_softmax)(&table);
    MT_ISA_NAME(mt_fill_loss)(&table);
    MT_ISA_NAME(mt_fill_gemm)(&table);
    MT_ISA_NAME(mt_fill_layer)(&table);
    MT_ISA_NAME(mt_fill_random)(&table);
    MT_ISA_NAME(mt_fill_optim)(&table);
    MT_ISA_NAME(mt_fill_windows)(&table);
    MT_ISA_NAME(mt_fill_shifted)(&table);
    MT_ISA_NAME(mt_fill_norm)(&table);
    MT_ISA_NAME(mt_fill_distance)(&table);
}

const mt_kernels *MT_ISA_NAME(mt_kernels_table)(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return &table;
}
