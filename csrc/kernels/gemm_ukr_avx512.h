/* AVX-512: 32 registers of 64 bytes. 14 x 2 accumulators, 2 vectors of B, 1 broadcast element of
 * A: 31. 28 products a step against 2 + 14 loads keep both multiply-add units busy. */
#define VECTOR_BYTES      64
#define MR                14
#define NV                2
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
