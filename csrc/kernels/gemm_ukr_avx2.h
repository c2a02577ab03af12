/* AVX2 with FMA: 16 registers of 32 bytes. 6 x 2 accumulators, 2 vectors of B, 1 broadcast element
 * of A. */
#define VECTOR_BYTES      32
#define MR                6
#define NV                2
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
