/* SSE2, or whatever the compiler makes of 16-byte vectors: 16 registers. 6 x 2
 * accumulators, 2 vectors of B, 1 broadcast element of A. No fused multiply-add:
 * about 2.8 times slower than AVX2. */
#define VECTOR_BYTES      16
#define MR                6
#define NV                2
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
