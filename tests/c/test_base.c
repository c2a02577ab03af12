/* base/: errors, memory, dtypes, scalars, threads. */
#include "mtest.h"

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/scalar.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- errors ---------------------------------------------------------------------------------- */
static void test_error(void)
{
    CHECK_INT(mt_error_pending(), MT_OK);
    CHECK_STRING(mt_error_message(), "");
    CHECK(mt_fail(MT_VALUE, "first %d", 1) == NULL);
    CHECK_INT(mt_error(MT_TYPE, "second"), -1);
    CHECK_INT(mt_error_pending(), MT_VALUE);
    CHECK_STRING(mt_error_message(), "first 1");
    mt_error_clear();
    CHECK_INT(mt_error_pending(), MT_OK);

    mt_error(MT_RUNTIME, "<%*d>", 9000, 7); /* far beyond the first buffer */
    CHECK_INT(strlen(mt_error_message()), 9002);
    CHECK(mt_error_message()[9001] == '>');
    mt_error_clear();
    CHECK(mt_fail_memory() == NULL);
    CHECK_INT(mt_error_pending(), MT_MEMORY);
    CHECK(strstr(mt_error_message(), "can't allocate memory") != NULL);
    mt_error_clear();
}

static void *fail_in_thread(void *unused)
{
    (void)unused;
    mt_error(MT_INDEX, "in the thread");
    return mt_error_pending() == MT_INDEX ? &mt_self : NULL;
}

static void test_error_threads(void)
{
    pthread_t t;
    void *result = NULL;
    mt_error(MT_VALUE, "here");
    CHECK_INT(pthread_create(&t, NULL, fail_in_thread, NULL), 0);
    pthread_join(t, &result);
    CHECK(result != NULL && result != (void *)&mt_self);
    CHECK_STRING(mt_error_message(), "here");
    mt_error_clear();
}

/* ---- memory ---------------------------------------------------------------------------------- */
static const size_t sizes[] = {0,
                               1,
                               63,
                               64,
                               65,
                               128,
                               511,
                               512,
                               513,
                               1024,
                               1025,
                               4096,
                               8191,
                               8192,
                               8193,
                               8256,
                               10240,
                               16320,
                               16384,
                               65536,
                               100000,
                               1 << 20,
                               (2 << 20) - 64,
                               2 << 20,
                               (2 << 20) + 1,
                               5 << 20,
                               33 << 20};
#define NUM_SIZES (int)(sizeof sizes / sizeof *sizes)

/* live_bytes counts small blocks by their class. */
static int64_t counted(size_t size)
{
#if !MT_NO_CACHE
    if (size <= 512) return size ? (int64_t)((size + 63) & ~(size_t)63) : 64;
    for (size_t class = 1024; class <= MT_SMALL_MAX; class *= 2)
        if (size <= class) return (int64_t)class;
#endif
    return (int64_t)size;
}

static void test_alloc_sizes(void)
{
    mt_alloc_stats before = mt_alloc_get_stats();
    void *blocks[NUM_SIZES];
    int64_t total = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < NUM_SIZES; i++) {
            blocks[i] = round == 1 ? mt_calloc(sizes[i]) : mt_malloc(sizes[i]);
            CHECK(blocks[i] != NULL);
            CHECK_INT((uintptr_t)blocks[i] % 64, 0);
            if (round == 1 && sizes[i] > 0) {
                unsigned char *p = blocks[i];
                CHECK(p[0] == 0 && memcmp(p, p + 1, sizes[i] - 1) == 0);
            }
            memset(blocks[i], 0xab, sizes[i] + 64); /* the padding is ours, too */
            total += counted(sizes[i]);
        }
        mt_alloc_stats now = mt_alloc_get_stats();
        CHECK_INT(now.live_blocks - before.live_blocks, NUM_SIZES);
        CHECK_INT(now.live_bytes - before.live_bytes, total);
        for (int i = 0; i < NUM_SIZES; i++) mt_free(blocks[i], sizes[i]);
        total = 0;
    }
    mt_alloc_stats after = mt_alloc_get_stats();
    CHECK_INT(after.live_blocks, before.live_blocks);
    CHECK_INT(after.live_bytes, before.live_bytes);
    mt_alloc_trim();
    CHECK_INT(mt_alloc_get_stats().cached_bytes, 0);
    mt_free(NULL, 100);
}

static void test_alloc_reuse(void)
{
#if !MT_NO_CACHE
    for (int i = 1; i < NUM_SIZES; i++) {
        void *first = mt_malloc(sizes[i]);
        mt_free(first, sizes[i]);
        void *second = mt_malloc(sizes[i]);
        CHECK(first == second);
        mt_free(second, sizes[i]);
    }
    /* Bounded: of many freed blocks only some stay. */
    enum { MANY = 3000 };
    static void *blocks[MANY];
    mt_alloc_trim();
    for (int i = 0; i < MANY; i++) blocks[i] = mt_malloc(4000);
    for (int i = 0; i < MANY; i++) mt_free(blocks[i], 4000);
    CHECK(mt_alloc_get_stats().cached_bytes <= 1 << 20);
    /* So is what large blocks leave behind: 300 MiB freed, at most 256 kept. */
    for (int i = 0; i < 30; i++) blocks[i] = mt_malloc(10 << 20);
    for (int i = 0; i < 30; i++) mt_free(blocks[i], 10 << 20);
    CHECK(mt_alloc_get_stats().cached_bytes <= 258 << 20);
    CHECK(mt_alloc_get_stats().cached_bytes >= 200 << 20);
    mt_alloc_trim();
#endif
}

static void test_regrow(void)
{
    size_t size = 0;
    unsigned char *p = NULL;
    for (size_t next = 1; next < 100000; next = next * 3 + 1) {
        unsigned char *larger = mt_regrow(p, size, next);
        if (!CHECK(larger != NULL)) break;
        for (size_t i = 0; i < size; i++)
            if (larger[i] != (unsigned char)i) CHECK(false);
        for (size_t i = 0; i < next; i++) larger[i] = (unsigned char)i;
        p = larger;
        size = next;
    }
    mt_fail_alloc_after(1, 0);
    CHECK(mt_regrow(p, size, size + 1) == NULL);
    CHECK_INT(mt_error_pending(), MT_MEMORY);
    mt_error_clear();
    mt_fail_alloc_after(0, 0);
    CHECK(p[size - 1] == (unsigned char)(size - 1));
    mt_free(p, size);
}

static void test_alloc_failure(void)
{
    mt_alloc_stats before = mt_alloc_get_stats();
    CHECK(mt_malloc(SIZE_MAX) == NULL);
    CHECK_INT(mt_error_pending(), MT_MEMORY);
    mt_error_clear();
    CHECK(mt_malloc((size_t)1 << 60) == NULL);
    CHECK_STRING(mt_error_message(),
                 "DefaultCPUAllocator: can't allocate memory: you tried to allocate "
                 "1152921504606846976 bytes. Error code 12 (Cannot allocate memory)");
    mt_error_clear();

    CHECK_INT(mt_fail_alloc_after(MT_COUNT_ONLY, 0), 0);
    mt_free(mt_malloc(10), 10);
    CHECK_INT(mt_fail_alloc_after(0, 0), 1);
    for (int persistent = 0; persistent < 2; persistent++) {
        for (int n = 1; n <= 5; n++) {
            void *blocks[5];
            mt_fail_alloc_after((uint64_t)n, persistent);
            for (int i = 0; i < 5; i++) {
                blocks[i] = i % 2 ? mt_calloc(50) : mt_malloc(i == 4 ? 1 << 20 : 50);
                bool fails = i + 1 == n || (persistent && i + 1 > n);
                CHECK_THAT((blocks[i] == NULL) == fails, "allocation %d of n = %d", i + 1, n);
                CHECK_INT(mt_error_pending(), fails ? MT_MEMORY : MT_OK);
                mt_error_clear();
            }
            CHECK_INT(mt_fail_alloc_after(0, 0), 5);
            for (int i = 0; i < 5; i++) mt_free(blocks[i], i == 4 ? 1 << 20 : 50);
        }
    }
    CHECK_INT(mt_alloc_get_stats().live_blocks, before.live_blocks);
}

enum { THREADS = 4, EACH = 500, ROUNDS = 40 };
static void *passed[THREADS][EACH];
static pthread_barrier_t barrier;

/* Fills a column, waits, frees the neighbour's: blocks wander between threads. */
static void *trade(void *argument)
{
    int me = (int)(intptr_t)argument;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            passed[me][i] = mt_malloc((size_t)(i * 37 + 1));
            memset(passed[me][i], me, (size_t)(i * 37 + 1));
        }
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < EACH; i++) mt_free(passed[(me + 1) % THREADS][i], (size_t)(i * 37 + 1));
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void test_alloc_threads(void)
{
    pthread_t threads[THREADS];
    mt_alloc_stats before = mt_alloc_get_stats();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, trade, (void *)(intptr_t)i), 0);
    for (int i = 0; i < 1000; i++) mt_alloc_get_stats(); /* any time */
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    mt_alloc_stats after = mt_alloc_get_stats();
    CHECK_INT(after.live_blocks, before.live_blocks);
    CHECK_INT(after.live_bytes, before.live_bytes);
    mt_alloc_trim(); /* the threads gave theirs back when they ended */
    CHECK_INT(mt_alloc_get_stats().cached_bytes, 0);
}

/* ---- dtypes ---------------------------------------------------------------------------------- */
static void test_dtype(void)
{
    static const char *const names[] = {"uint8",   "int8",     "int16",     "int32",
                                        "int64",   "float32",  "float64",   "bool",
                                        "float16", "bfloat16", "complex64", "complex128"};
    static const char *const camel[] = {"Byte", "Char",     "Short",        "Int",
                                        "Long", "Float",    "Double",       "Bool",
                                        "Half", "BFloat16", "ComplexFloat", "ComplexDouble"};
    static const int size[] = {1, 1, 2, 4, 8, 4, 8, 1, 2, 2, 8, 16};
    /* torch.promote_types and torch.can_cast of every pair, as PyTorch 2.13 answers; 10 is : and 11 is ; */
    static const char promotions[MT_NUM_DTYPES][MT_NUM_DTYPES + 1] = {
        "0223456089:;", "2123456189:;", "2223456289:;", "3333456389:;",
        "4444456489:;", "5555556555:;", "6666666666;;", "0123456789:;",
        "8888856885:;", "9999956959:;", "::::::;::::;", ";;;;;;;;;;;;"};
    static const char casts[MT_NUM_DTYPES][MT_NUM_DTYPES + 1] = {
        "111111101111", "111111101111", "111111101111", "111111101111",
        "111111101111", "000001101111", "000001101111", "111111111111",
        "000001101111", "000001101111", "000000000011", "000000000011"};
    for (int a = 0; a < MT_NUM_DTYPES; a++) {
        CHECK_STRING(mt_dtype_name((mt_dtype)a), names[a]);
        CHECK_STRING(mt_dtype_camel((mt_dtype)a), camel[a]);
        CHECK_INT(mt_dtype_size((mt_dtype)a), size[a]);
        for (int b = 0; b < MT_NUM_DTYPES; b++) {
            CHECK_INT(mt_promote((mt_dtype)a, (mt_dtype)b), promotions[a][b] - '0');
            CHECK_INT(mt_can_cast((mt_dtype)a, (mt_dtype)b), casts[a][b] - '0');
        }
    }
    CHECK_INT(mt_default_dtype(), MT_FLOAT32);
    mt_set_default_dtype(MT_FLOAT64);
    CHECK_INT(mt_scalar_dtype(mt_scalar_float(1)), MT_FLOAT64);
    mt_set_default_dtype(MT_FLOAT32);
    CHECK_INT(mt_scalar_dtype(mt_scalar_float(1)), MT_FLOAT32);
    CHECK_INT(mt_scalar_dtype(mt_scalar_int(1)), MT_INT64);
    CHECK_INT(mt_scalar_dtype(mt_scalar_bool(1)), MT_BOOL);
}

/* ---- scalars --------------------------------------------------------------------------------- */
/* s stored as d and loaded again */
static double through(mt_scalar s, mt_dtype d)
{
    char bytes[16] = {0};
    mt_scalar_store(s, d, bytes + 1); /* not aligned */
    mt_scalar back = mt_scalar_load(d, bytes + 1);
    CHECK_INT(back.kind, mt_is_floating(d) ? MT_SCALAR_FLOAT
                         : d == MT_BOOL    ? MT_SCALAR_BOOL
                                           : MT_SCALAR_INT);
    return mt_scalar_to_double(back);
}

static void test_scalar(void)
{
    CHECK_NEAR(through(mt_scalar_int(300), MT_UINT8), 44, 0);
    CHECK_NEAR(through(mt_scalar_int(-1), MT_UINT8), 255, 0);
    CHECK_NEAR(through(mt_scalar_int(200), MT_INT8), -56, 0);
    CHECK_NEAR(through(mt_scalar_int(INT64_MAX), MT_INT32), -1, 0);
    CHECK_NEAR(through(mt_scalar_float(-1.5), MT_UINT8), 255, 0);
    CHECK_NEAR(through(mt_scalar_float(3e9), MT_INT32), INT32_MIN, 0);
    CHECK_NEAR(through(mt_scalar_float(-2147483648.5), MT_INT32), INT32_MIN, 0);
    CHECK_NEAR(through(mt_scalar_float(3e9), MT_INT64), 3e9, 0);
    CHECK_NEAR(through(mt_scalar_float(1e30), MT_INT64), (double)INT64_MIN, 0);
    CHECK_NEAR(through(mt_scalar_float(NAN), MT_INT64), (double)INT64_MIN, 0);
    CHECK_NEAR(through(mt_scalar_float(NAN), MT_INT16), 0, 0);
    CHECK_NEAR(through(mt_scalar_float(NAN), MT_BOOL), 1, 0);
    CHECK_NEAR(through(mt_scalar_float(0.25), MT_BOOL), 1, 0);
    CHECK_NEAR(through(mt_scalar_float(-0.0), MT_BOOL), 0, 0);
    CHECK_NEAR(through(mt_scalar_float(0.1), MT_FLOAT32), (double)0.1f, 0);
    CHECK_NEAR(through(mt_scalar_float(1e300), MT_FLOAT32), INFINITY, 0);
    CHECK_NEAR(through(mt_scalar_bool(true), MT_FLOAT64), 1, 0);

    CHECK_INT(mt_scalar_to_int(mt_scalar_float(-2.9)), -2);
    CHECK_INT(mt_scalar_to_int(mt_scalar_float(1e30)), INT64_MAX);
    CHECK_INT(mt_scalar_to_int(mt_scalar_float(-1e30)), INT64_MIN);
    CHECK_INT(mt_scalar_to_int(mt_scalar_float(NAN)), 0);
}

static void check_fit(int (*check)(mt_scalar, mt_dtype), mt_scalar s, mt_dtype d, const char *name)
{
    char text[128] = "";
    if (name)
        snprintf(text, sizeof text, "value cannot be converted to type %s without overflow", name);
    CHECK_INT(check(s, d), name ? -1 : 0);
    CHECK_STRING(mt_error_message(), text);
    mt_error_clear();
}

static void test_scalar_fits(void)
{
    check_fit(mt_scalar_check_fits, mt_scalar_int(300), MT_INT8, "int8");
    check_fit(mt_scalar_check_fill, mt_scalar_int(300), MT_INT8, "int8_t");
    check_fit(mt_scalar_check_fits, mt_scalar_int(-128), MT_INT8, NULL);
    check_fit(mt_scalar_check_fits, mt_scalar_int(-255), MT_UINT8, NULL);
    check_fit(mt_scalar_check_fits, mt_scalar_int(-256), MT_UINT8, "uint8");
    check_fit(mt_scalar_check_fits, mt_scalar_int((int64_t)1 << 40), MT_INT32, "int32");
    check_fit(mt_scalar_check_fill, mt_scalar_int((int64_t)1 << 40), MT_INT32, "int");
    check_fit(mt_scalar_check_fits, mt_scalar_float(NAN), MT_INT64, "int64");
    check_fit(mt_scalar_check_fits, mt_scalar_float(INFINITY), MT_INT64, "int64");
    check_fit(mt_scalar_check_fits, mt_scalar_float(1e300), MT_FLOAT32, NULL);
    check_fit(mt_scalar_check_fill, mt_scalar_float(1e300), MT_FLOAT32, "float");
    check_fit(mt_scalar_check_fill, mt_scalar_float(INFINITY), MT_FLOAT32, NULL);
    check_fit(mt_scalar_check_fits, mt_scalar_int(5), MT_BOOL, NULL);
    check_fit(mt_scalar_check_fits, mt_scalar_bool(true), MT_UINT8, NULL);
}

/* ---- threads --------------------------------------------------------------------------------- */
enum { ITEMS = 100003 };
static unsigned char visits[ITEMS];

typedef struct region {
    int64_t grain;
    int bad_starts, nested_cuts;
} region;

static void expect_whole(int64_t begin, int64_t end, void *context)
{
    region *r = context;
    if (begin != 0 || end != ITEMS) __atomic_add_fetch(&r->nested_cuts, 1, __ATOMIC_RELAXED);
}

static void visit(int64_t begin, int64_t end, void *context)
{
    region *r = context;
    if (begin % r->grain != 0 || end <= begin)
        __atomic_add_fetch(&r->bad_starts, 1, __ATOMIC_RELAXED);
    void *p = mt_malloc(100); /* so that each thread has a cache to empty when it ends */
    for (int64_t i = begin; i < end; i++) visits[i]++;
    mt_free(p, 100);
    if (mt_in_parallel()) mt_parallel_for(ITEMS, 1, expect_whole, r);
}

/* Runs a region and returns whether every item was visited once, at lawful cuts. */
static bool region_is_right(int64_t n, int64_t grain)
{
    region r = {.grain = grain};
    memset(visits, 0, sizeof visits);
    mt_parallel_for(n, grain, visit, &r);
    for (int64_t i = 0; i < ITEMS; i++)
        if (visits[i] != (i < n)) return false;
    return r.bad_starts == 0 && r.nested_cuts == 0;
}

static void test_parallel(void)
{
    static const int64_t grains[] = {1, 2, 7, 1000, 50000, 100002, 100003, 1000000};
    int saved = mt_get_num_threads();
    for (int threads = 1; threads <= 5; threads += 2) {
        mt_set_num_threads(threads);
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
            CHECK(region_is_right(ITEMS, grains[g]));
            CHECK(region_is_right(1000, grains[g]));
            CHECK(region_is_right(1, grains[g]));
            CHECK(region_is_right(0, grains[g]));
        }
    }
    mt_set_num_threads(saved);
    CHECK_INT(mt_get_num_threads(), saved);
    CHECK(!mt_in_parallel());
}

static void test_fork(void)
{
    for (int i = 0; i < 20; i++) {
        CHECK(region_is_right(ITEMS, 100));
        pid_t child = fork();
        if (child == 0) {
            alarm(20); /* a hang ends as a failure */
            void *p = mt_malloc(1 << 20);
            bool right = p && region_is_right(ITEMS, 100) && region_is_right(ITEMS, 1000);
            mt_free(p, 1 << 20);
            _exit(right ? 0 : 1);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK_INT(status, 0);
    }
    CHECK(region_is_right(ITEMS, 100));
}

int main(void)
{
    mt_parallel_init();
    RUN(test_error);
    RUN(test_error_threads);
    RUN(test_alloc_sizes);
    RUN(test_alloc_reuse);
    RUN(test_regrow);
    RUN(test_alloc_failure);
    RUN(test_alloc_threads);
    RUN(test_dtype);
    RUN(test_scalar);
    RUN(test_scalar_fits);
    RUN(test_parallel);
    RUN(test_fork);
    return mtest_done();
}
