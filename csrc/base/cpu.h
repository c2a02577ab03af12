/* What this processor can do. */
#ifndef MT_BASE_CPU_H
#define MT_BASE_CPU_H

typedef enum mt_isa { MT_ISA_BASELINE, MT_ISA_AVX2, MT_ISA_AVX512, MT_ISA_NEON } mt_isa;

/* The best instruction set that both this processor and the operating system support. */
mt_isa mt_cpu_best(void);

#endif
