/* What this processor can do. The compiler's own detection asks cpuid, and xgetbv whether the
 * operating system saves the wide registers. */
#include "base/cpu.h"

#include <stdbool.h>

mt_isa mt_cpu_best(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return MT_ISA_AVX512;
    return avx2 ? MT_ISA_AVX2 : MT_ISA_BASELINE;
#elif defined(__aarch64__)
    return MT_ISA_NEON; /* part of the architecture */
#else
    return MT_ISA_BASELINE;
#endif
}
