/* NEON: 32 registers of 16 bytes. 8 x 3 accumulators, 3 vectors of B, the
 * rest for elements of A. */
#define VECTOR_BYTES      16
#define MR                8
#define NV                3
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
