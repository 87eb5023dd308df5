/* Queues: commands keep their order whatever the device's queue does, on queues of our own and a host's; times, marks,
 * failures. */
#include <pthread.h>

#include "context/context.h"
#include "context/workspace.h"
#include "device.h"
#include "fixture.h"
#include "ocl/table.h"

enum { MOST_WORDS = 4096 };

/* How much work there is; little on Oclgrind's device, which interprets kernels and runs one command after the other.
 */
static struct {
  uint32_t words, rounds, turns;
  bool simulated;
} work = {.words = MOST_WORDS, .rounds = 200, .turns = 64};

static int set_up_work(void **state) {
  set_up_device(state);
  if (*state != NULL && strstr(((kvox_context *)*state)->ocl->info.platform, "Oclgrind") != NULL) {
    work.words = 128;
    work.rounds = 20;
    work.turns = 2;
    work.simulated = true;
  }
  return 0;
}

/* x becomes a x + b, slowly, so that whoever does not wait comes too early. */
static const char source[] =
    "__kernel void turn(__global uint *x, uint a, uint b) {\n"
    "  const size_t i = get_global_id(0);\n"
    "  uint v = x[i];\n"
    "  for (uint n = 0; n < TURNS; n++) {\n"
    "    v = v * 1664525u + 1013904223u;\n"
    "  }\n"
    "  x[i] = a * v + b + (uint)i;\n"
    "}\n";

static uint32_t stepped(uint32_t v, uint32_t a, uint32_t b, uint32_t i) {
  for (uint32_t n = 0; n < work.turns; n++) {
    v = v * 1664525u + 1013904223u;
  }
  return a * v + b + i;
}

static cl_kernel step_of(kvox_ocl *ocl) {
  cl_program program = NULL;
  cl_int error = CL_SUCCESS;
  char options[32];
  snprintf(options, sizeof options, "-D TURNS=%u", (unsigned)work.turns);
  assert_ok(kvox_ocl_build(ocl, "turn", source, sizeof source - 1, options, &program));
  cl_kernel kernel = ocl->cl->CreateKernel(program, "turn", &error);
  assert_int_equal(error, CL_SUCCESS);
  ocl->cl->ReleaseProgram(program);
  return kernel;
}

static void run_step(kvox_ocl_queue *queue, const kvox_ocl *ocl, cl_kernel kernel, const kvox_buffer *x, uint32_t a,
                     uint32_t b) {
  const size_t items = work.words, group = 64;
  const cl_mem memory = kvox_ocl_memory(x);
  assert_int_equal(ocl->cl->SetKernelArg(kernel, 0, sizeof memory, &memory), CL_SUCCESS);
  assert_int_equal(ocl->cl->SetKernelArg(kernel, 1, sizeof a, &a), CL_SUCCESS);
  assert_int_equal(ocl->cl->SetKernelArg(kernel, 2, sizeof b, &b), CL_SUCCESS);
  assert_ok(kvox_ocl_enqueue(queue, kernel, 1, &items, &group));
}

/* ---- A chain in which every command reads what the one before it wrote ---- */

typedef struct chain {
  kvox_ocl *ocl;
  kvox_ocl_queue *queue;
  cl_kernel kernel;
  kvox_buffer *x, *y;
  kvox_array whole_x, half_x, whole_y, half_y;
  uint32_t truth_x[MOST_WORDS], truth_y[MOST_WORDS], up[MOST_WORDS / 2], back[MOST_WORDS];
} chain;

static chain *chain_create(kvox_ocl *ocl) {
  chain *c = calloc(1, sizeof *c);
  assert_non_null(c);
  c->ocl = ocl;
  c->kernel = step_of(ocl);
  assert_ok(kvox_ocl_buffer_create(ocl, 4 * work.words, "x", &c->x));
  assert_ok(kvox_ocl_buffer_create(ocl, 4 * work.words, "y", &c->y));
  const int64_t all[1] = {work.words}, half[1] = {work.words / 2};
  assert_ok(kvox_array_init_buffer(&c->whole_x, c->x, 0, KVOX_U32, 1, all));
  assert_ok(kvox_array_init_buffer(&c->half_x, c->x, 0, KVOX_U32, 1, half));
  assert_ok(kvox_array_init_buffer(&c->whole_y, c->y, 0, KVOX_U32, 1, all));
  assert_ok(kvox_array_init_buffer(&c->half_y, c->y, sizeof(uint32_t) * work.words / 2, KVOX_U32, 1, half));
  return c;
}

static void chain_destroy(chain *c) {
  c->ocl->cl->ReleaseKernel(c->kernel);
  kvox_buffer_destroy(c->x);
  kvox_buffer_destroy(c->y);
  free(c);
}

static void truth_step(uint32_t *x, uint32_t a, uint32_t b) {
  for (uint32_t i = 0; i < work.words; i++) {
    x[i] = stepped(x[i], a, b, i);
  }
}

/* Fills, kernels, copies and a transfer from the host, five or six commands a round, none waited for but by marks. */
static void chain_round(chain *c, uint32_t n) {
  const uint64_t bytes = 4 * work.words;
  kvox_array up;
  kvox_ocl_stage(c->queue, "kernels");
  run_step(c->queue, c->ocl, c->kernel, c->x, 2 * n + 1, n);
  kvox_ocl_stage(c->queue, "copies");
  assert_ok(kvox_ocl_copy(c->queue, &c->whole_x, &c->whole_y, false));
  assert_ok(kvox_ocl_fill(c->queue, c->x, 0, bytes / 4, n));
  kvox_ocl_stage(c->queue, "kernels");
  run_step(c->queue, c->ocl, c->kernel, c->y, 3, n);
  kvox_ocl_stage(c->queue, "copies");
  assert_ok(kvox_ocl_copy(c->queue, &c->half_y, &c->half_x, false));
  truth_step(c->truth_x, 2 * n + 1, n);
  memcpy(c->truth_y, c->truth_x, bytes);
  for (uint32_t i = 0; i < work.words / 4; i++) {
    c->truth_x[i] = n;
  }
  truth_step(c->truth_y, 3, n);
  memcpy(c->truth_x, c->truth_y + work.words / 2, bytes / 2);
  if (n % 8 == 0) {
    for (uint32_t i = 0; i < work.words / 2; i++) {
      c->up[i] = c->truth_y[i] = i ^ n;
    }
    assert_ok(kvox_array_init(&up, c->up, KVOX_U32, 1, (int64_t[]){work.words / 2}));
    kvox_array low_y = c->half_y;
    low_y.data = NULL;
    assert_ok(kvox_ocl_copy(c->queue, &up, &low_y, true));
  }
  if (n % 5 == 0) {
    assert_ok(kvox_ocl_mark(c->queue));
  }
}

static void chain_run(chain *c, uint32_t rounds) {
  assert_ok(kvox_ocl_begin(c->queue));
  assert_ok(kvox_ocl_fill(c->queue, c->x, 0, 4 * work.words, 5));
  assert_ok(kvox_ocl_fill(c->queue, c->y, 0, 4 * work.words, 6));
  for (uint32_t i = 0; i < work.words; i++) {
    c->truth_x[i] = 5;
    c->truth_y[i] = 6;
  }
  for (uint32_t n = 0; n < rounds; n++) {
    chain_round(c, n);
  }
  assert_ok(kvox_ocl_finish(c->queue));
  assert_ok(kvox_ocl_read(c->queue, c->x, 0, c->back, 4 * work.words));
  assert_memory_equal(c->back, c->truth_x, 4 * work.words);
  assert_ok(kvox_ocl_read(c->queue, c->y, 0, c->back, 4 * work.words));
  assert_memory_equal(c->back, c->truth_y, 4 * work.words);
}

static void commands_keep_their_order(void **state) {
  SKIP_WITHOUT(state);
  kvox_ocl *ocl = ((kvox_context *)*state)->ocl;
  chain *c = chain_create(ocl);
  assert_ok(kvox_ocl_queue_take(ocl, &c->queue));
  if ((ocl->queue_properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0) {
    printf("skipped: %s has no queue that is out of order\n", ocl->info.name);
  }
  chain_run(c, work.rounds);
  kvox_ocl_queue_give_back(c->queue);
  chain_destroy(c);
}

/* ---- Threads ---- */

static void *run_in_thread(void *data) {
  chain *c = data;
  for (int i = 0; i < 5; i++) {
    if (kvox_ocl_queue_take(c->ocl, &c->queue) != KVOX_OK) {
      return NULL;
    }
    chain_run(c, work.rounds / 10);
    kvox_ocl_queue_give_back(c->queue);
  }
  return data;
}

static void threads_have_queues_of_their_own(void **state) {
  SKIP_WITHOUT(state);
  enum { THREADS = 3 };
  if (work.simulated) {
    printf("skipped: Oclgrind does not stand kernels from two threads\n");
    skip();
  }
  chain *chains[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    chains[i] = chain_create(((kvox_context *)*state)->ocl);
  }
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, chains[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    void *ran = NULL;
    pthread_join(threads[i], &ran);
    assert_ptr_equal(ran, chains[i]);
    chain_destroy(chains[i]);
  }
}

static void queues_are_given_out_again(void **state) {
  SKIP_WITHOUT(state);
  kvox_ocl *ocl = ((kvox_context *)*state)->ocl;
  kvox_ocl_queue *one = NULL, *two = NULL, *again = NULL;
  assert_ok(kvox_ocl_queue_take(ocl, &one));
  assert_ok(kvox_ocl_queue_take(ocl, &two));
  assert_ptr_not_equal(one, two);
  kvox_ocl_queue_give_back(one);
  assert_ok(kvox_ocl_queue_take(ocl, &again));
  assert_ptr_equal(again, one);
  kvox_ocl_queue_give_back(two);
  kvox_ocl_queue_give_back(again);
  kvox_ocl_queue_give_back(NULL);
}

/* ---- Times ---- */

static void stages_have_times(void **state) {
  SKIP_WITHOUT(state);
  kvox_context *context = *state;
  kvox_workspace *workspace = NULL;
  chain *c = chain_create(context->ocl);
  assert_ok(kvox_ocl_queue_take(c->ocl, &c->queue));
  chain_run(c, 20);
  const double before = kvox_now();
  chain_run(c, 20);
  const double whole = kvox_now() - before;
  assert_string_equal(kvox_ocl_stage_name(c->queue, 0), "kernels");
  assert_string_equal(kvox_ocl_stage_name(c->queue, 1), "copies");
  assert_null(kvox_ocl_stage_name(c->queue, 2));
  assert_null(kvox_ocl_stage_name(c->queue, -1));
  const double kernels = kvox_ocl_stage_seconds(c->queue, 0), copies = kvox_ocl_stage_seconds(c->queue, 1);
  assert_true(kernels > 0 && copies > 0);
  assert_true(kernels + copies < whole); /* of the last run alone */
  assert_ok(kvox_workspace_create(context, &workspace));
  assert_ok(kvox_workspace_begin(workspace, 0));
  kvox_workspace_add_queue(workspace, c->queue);
  kvox_workspace_add_queue(workspace, c->queue);
  assert_int_equal(kvox_workspace_stage_count(workspace), 2);
  assert_true(kvox_workspace_stage_seconds(workspace, 0) == 2 * kernels);
  kvox_workspace_destroy(workspace);
  assert_ok(kvox_ocl_begin(c->queue));
  assert_null(kvox_ocl_stage_name(c->queue, 0));
  kvox_ocl_queue_give_back(c->queue);
  chain_destroy(c);
}

static void more_stages_than_it_keeps_are_left_out(void **state) {
  SKIP_WITHOUT(state);
  static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                      "j", "k", "l", "m", "n", "o", "p", "q", "r"};
  kvox_ocl *ocl = ((kvox_context *)*state)->ocl;
  kvox_ocl_queue *queue = NULL;
  kvox_buffer *buffer = NULL;
  assert_ok(kvox_ocl_buffer_create(ocl, 64, "it", &buffer));
  assert_ok(kvox_ocl_queue_take(ocl, &queue));
  assert_ok(kvox_ocl_begin(queue));
  for (int i = 0; i < 18; i++) {
    kvox_ocl_stage(queue, names[i]);
    assert_ok(kvox_ocl_fill(queue, buffer, 0, 64, 1));
  }
  assert_ok(kvox_ocl_finish(queue));
  assert_string_equal(kvox_ocl_stage_name(queue, 15), "p");
  assert_null(kvox_ocl_stage_name(queue, 16));
  kvox_ocl_queue_give_back(queue);
  kvox_buffer_destroy(buffer);
}

/* ---- Failures ---- */

static void a_failure_stays_until_finish(void **state) {
  SKIP_WITHOUT(state);
  if (work.simulated) {
    printf("skipped: Oclgrind reports the wrong calls that this test makes\n");
    skip();
  }
  kvox_ocl *ocl = ((kvox_context *)*state)->ocl;
  kvox_ocl_queue *queue = NULL, *next = NULL;
  kvox_buffer *buffer = NULL;
  uint32_t words[4] = {1, 2, 3, 4}, back[4] = {0};
  assert_ok(kvox_ocl_buffer_create(ocl, sizeof words, "it", &buffer));
  assert_ok(kvox_ocl_queue_take(ocl, &queue));
  assert_ok(kvox_ocl_begin(queue));
  assert_ok(kvox_ocl_write(queue, buffer, 0, words, sizeof words));
  assert_fails(KVOX_ERROR_DEVICE, "clEnqueueReadBuffer failed with CL_INVALID_VALUE",
               kvox_ocl_read(queue, buffer, 8, back, sizeof back));
  assert_fails(KVOX_ERROR_DEVICE, "clEnqueueReadBuffer", kvox_ocl_fill(queue, buffer, 0, sizeof words, 9));
  assert_fails(KVOX_ERROR_DEVICE, "clEnqueueReadBuffer", kvox_ocl_mark(queue));
  assert_fails(KVOX_ERROR_DEVICE, "clEnqueueReadBuffer", kvox_ocl_begin(queue));
  assert_fails(KVOX_ERROR_DEVICE, "clEnqueueReadBuffer", kvox_ocl_finish(queue));
  assert_ok(kvox_ocl_finish(queue));
  assert_ok(kvox_ocl_read(queue, buffer, 0, back, sizeof back));
  assert_memory_equal(back, words, sizeof words); /* what came after the failure was not done */
  /* Giving back says nothing, and leaves the sentence; the next one is another. */
  assert_int_equal(kvox_ocl_read(queue, buffer, 8, back, sizeof back), KVOX_ERROR_DEVICE);
  assert_int_equal(kvox_ocl_check_place(NULL, &(kvox_array){.buffer = buffer}, "the last failure"),
                   KVOX_ERROR_ARGUMENT);
  kvox_ocl_queue_give_back(queue);
  assert_non_null(strstr(kvox_last_error(), "the last failure"));
  assert_ok(kvox_ocl_queue_take(ocl, &next));
  assert_ok(kvox_ocl_begin(next));
  kvox_ocl_queue_give_back(next);
  kvox_buffer_destroy(buffer);
}

/* ---- A host's queue ---- */

typedef struct host {
  const kvox_ocl_table *cl;
  cl_context opencl;
  cl_command_queue queue;
  kvox_context *context;
} host;

static host host_create(const kvox_ocl *own, cl_command_queue_properties properties) {
  host h = {.cl = own->cl};
  const cl_context_properties of_platform[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)own->platform, 0};
  cl_device_id device = own->device;
  cl_int error = CL_SUCCESS;
  kvox_context_options options;
  h.opencl = h.cl->CreateContext(of_platform, 1, &device, NULL, NULL, &error);
  assert_int_equal(error, CL_SUCCESS);
  h.queue = h.cl->CreateCommandQueue(h.opencl, device, properties, &error);
  assert_int_equal(error, CL_SUCCESS);
  kvox_context_options_init(&options);
  options.opencl_context = h.opencl;
  options.opencl_queue = h.queue;
  h.context = context_on_device(&options);
  return h;
}

static void host_destroy(host *h) {
  kvox_context_destroy(h->context);
  h->cl->ReleaseCommandQueue(h->queue);
  h->cl->ReleaseContext(h->opencl);
}

/* Kvox's commands come after all that the host had put into its queue, without a word between the two. */
static void follows_the_host(const host *h) {
  kvox_ocl *ocl = h->context->ocl;
  kvox_buffer *buffer = NULL;
  static uint32_t back[MOST_WORDS], truth[MOST_WORDS];
  const size_t items = work.words;
  cl_kernel kernel = step_of(ocl);
  kvox_array device, host_array;
  assert_ok(kvox_buffer_create(h->context, 4 * work.words, &buffer));
  assert_ok(kvox_array_init_buffer(&device, buffer, 0, KVOX_U32, 1, (int64_t[]){work.words}));
  assert_ok(kvox_array_init(&host_array, back, KVOX_U32, 1, (int64_t[]){work.words}));
  const cl_mem memory = kvox_buffer_handle(buffer);
  assert_int_equal(h->cl->SetKernelArg(kernel, 0, sizeof memory, &memory), CL_SUCCESS);
  memset(truth, 0, sizeof truth);
  for (uint32_t round = 0; round < work.rounds / 5; round++) {
    cl_event last = NULL;
    for (uint32_t n = 0; n < 4; n++) {
      cl_event event = NULL;
      assert_int_equal(h->cl->SetKernelArg(kernel, 1, sizeof n, &n), CL_SUCCESS);
      assert_int_equal(h->cl->SetKernelArg(kernel, 2, sizeof round, &round), CL_SUCCESS);
      assert_int_equal(h->cl->EnqueueNDRangeKernel(h->queue, kernel, 1, NULL, &items, NULL, last != NULL,
                                                   last != NULL ? &last : NULL, &event),
                       CL_SUCCESS);
      if (last != NULL) {
        h->cl->ReleaseEvent(last);
      }
      last = event;
      truth_step(truth, n, round);
    }
    h->cl->ReleaseEvent(last);
    assert_ok(kvox_array_copy(&device, &host_array));
    assert_memory_equal(back, truth, 4 * work.words);
  }
  h->cl->ReleaseKernel(kernel);
  kvox_buffer_destroy(buffer);
}

static void serves_a_host(const kvox_ocl *own, cl_command_queue_properties properties) {
  host h = host_create(own, properties);
  follows_the_host(&h);
  chain *c = chain_create(h.context->ocl);
  assert_ok(kvox_ocl_queue_take(c->ocl, &c->queue));
  chain_run(c, work.rounds / 4);
  const bool timed = (properties & CL_QUEUE_PROFILING_ENABLE) != 0;
  assert_int_equal(kvox_ocl_stage_name(c->queue, 0) != NULL, timed);
  assert_int_equal(kvox_ocl_stage_seconds(c->queue, 0) > 0, timed);
  kvox_ocl_queue_give_back(c->queue);
  chain_destroy(c);
  host_destroy(&h);
}

static void a_hosts_queue_in_order(void **state) {
  SKIP_WITHOUT(state);
  serves_a_host(((kvox_context *)*state)->ocl, 0);
  serves_a_host(((kvox_context *)*state)->ocl, CL_QUEUE_PROFILING_ENABLE);
}

static void a_hosts_queue_out_of_order(void **state) {
  SKIP_WITHOUT(state);
  const kvox_ocl *own = ((kvox_context *)*state)->ocl;
  if ((own->queue_properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0) {
    printf("skipped: %s has no queue that is out of order\n", own->info.name);
    skip();
  }
  if (work.simulated) {
    printf("skipped: on an out-of-order queue of Oclgrind a barrier without events waits for nothing\n");
    skip();
  }
  serves_a_host(own, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commands_keep_their_order),
      cmocka_unit_test(threads_have_queues_of_their_own),
      cmocka_unit_test(queues_are_given_out_again),
      cmocka_unit_test(stages_have_times),
      cmocka_unit_test(more_stages_than_it_keeps_are_left_out),
      cmocka_unit_test(a_failure_stays_until_finish),
      cmocka_unit_test(a_hosts_queue_in_order),
      cmocka_unit_test(a_hosts_queue_out_of_order),
  };
  return cmocka_run_group_tests(tests, set_up_work, tear_down_device);
}
