# What is compiled, and how: read by the Makefile and by setup.py. One NAME = value a line, nothing else.

LAYERS = base kernels tensor graph ops autograd optim
INCLUDES = . include

# Every kernels/*.c but select.c is compiled once for each of these, with -DMT_ISA=name and FLAGS_name.
ISAS_x86_64 = baseline avx2 avx512
ISAS_aarch64 = baseline neon
ISAS_other = baseline

# The plain one, against which the others are checked, and for machines of before 2013: small rather than fast.
FLAGS_baseline = -Os -fno-tree-vectorize
FLAGS_avx2 = -mavx2 -mfma
FLAGS_avx512 = -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
FLAGS_neon =

# For all files. No flag that changes arithmetic; contraction (a * b + c rounded once) only in gemm.c and shifted.c.
# Functions, loops and jump targets stand without padding: the code of one training step of a tiny net is about as
# large as the cache for instructions, and loses 2 % of its time where it is larger.
# -O3 only where loops gain time by it: it doubles the size of what is compiled for three instruction sets. Norms and
# reductions are as fast with the cost model alone by which -O3 decides what becomes vectors (a pragma there).
CFLAGS_common = -std=gnu11 -O2 -ftree-vectorize -g -fPIC -fvisibility=hidden -fno-math-errno -fno-trapping-math -ffp-contract=off -fno-semantic-interposition -fno-asynchronous-unwind-tables -fno-align-functions -fno-align-jumps -fno-align-loops
CFLAGS_gemm = -O3 -ffp-contract=fast
CFLAGS_layer = -O3
CFLAGS_loss = -O3
CFLAGS_shifted = -ffp-contract=fast

# Kernels whose loops are many: what is left over of a vector is done one by one, not by shorter vectors, which takes a
# third off them. Left out where the compiler does not know it.
LEAN = copy norm pointwise reduce softmax
CFLAGS_lean = --param=vect-epilogues-nomask=0

# Compiled for size: what is called seldom, or spends its time in other files.
SMALL = recurrent_rule search index copy activation arrange blend conv_nd complex complex_matrices complex_parts create cumulative extrema inplace join linalg linalg_more lu masked norm pad patch products random_create random_trial scatter special statistics trial triangular bits select moments py_autograd py_bind_error py_data py_device py_dlpack py_dtype py_error py_factory py_function py_grad_mode py_node py_node_hook py_node_look py_numpy py_old_order py_op_doc py_op_register py_random py_schema py_tensor_attrs py_nn py_watch watch divide householder matrices spectral distance integer_product gather
CFLAGS_small = -Os

# Compiled for speed: what every call goes through, where loops over one, two or three inputs are to vanish.
HOT = apply chain tensor hooks py_op py_nn_call py_nn_forward
CFLAGS_hot = -O3

CFLAGS_warnings = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
