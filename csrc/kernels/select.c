/* Chooses the kernel table: once, at start. Relies on: base/cpu.h, kernels/table.c. */
#include "kernels/kernels.h"
#include "base/cpu.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define TABLES(X) X(avx512, MT_ISA_AVX512) X(avx2, MT_ISA_AVX2) X(baseline, MT_ISA_BASELINE)
#elif defined(__aarch64__)
#define TABLES(X) X(neon, MT_ISA_NEON) X(baseline, MT_ISA_BASELINE)
#else
#define TABLES(X) X(baseline, MT_ISA_BASELINE)
#endif

const mt_kernels *mt_k;

const double mt_tanh_rows[7][32] = {
#include "kernels/tanh_rows.def"
};

const mt_kernels *mt_kernels_named(const char *name)
{
    mt_isa best = mt_cpu_best();
#define TABLE(isa, needs)                                                                          \
    if (strcmp(name, #isa) == 0 && best >= needs) return mt_kernels_table_##isa();
    TABLES(TABLE)
#undef TABLE
    return NULL;
}

void mt_kernels_init(void)
{
    static const char *const names[] = {
#define NAME(isa, needs) #isa,
        TABLES(NAME)
#undef NAME
    };
    const char *wanted = getenv("MINITORCH_CPU");
    const mt_kernels *k = wanted ? mt_kernels_named(wanted) : NULL;
    for (size_t i = 0; !k && i < sizeof names / sizeof *names; i++) k = mt_kernels_named(names[i]);
    mt_k = k;
    mt_mt19937_refill = k->mt19937_refill;
    mt_mt19937_temper = k->mt19937_temper;
}
