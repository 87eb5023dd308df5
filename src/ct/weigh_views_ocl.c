/* The weights of views given by themselves: redundancy of every eighth row is found on the host, a chunk of views at a
 * time; the rest follows from each view's vectors. */
#include <math.h>

#include "core/fail.h"
#include "core/size.h"
#include "ct/fdk_ocl.h"
#include "ct/vectors.h"

/* Work-items of a group, where the device takes so many. */
enum { GROUP = 256 };

/* As in kernels/weigh.cl. */
typedef struct device_rays {
  float corner[3], column[3], row[3];
  float across[2];
  float area, more_area;
} device_rays;

struct kvox_ct_ocl_weigh_views {
  kvox_context *context;
  const kvox_ct_fdk *fdk;
  kvox_ocl_kernel *kernel;
  kvox_buffer *rays, *nodes;
  float *found; /* the nodes as the host finds them */
};

/* The most of any so many rows: those around them, however they lie. */
static int64_t most_nodes(int64_t rows) { return (rows + KVOX_FDK_NODE - 2) / KVOX_FDK_NODE + 2; }

static uint64_t nodes_bytes(const kvox_ct_slabs *slabs) {
  const int64_t nodes = kvox_work(slabs->chunk, most_nodes(slabs->slab_rows));
  return (uint64_t)kvox_work(kvox_work(nodes, slabs->columns), (int64_t)sizeof(float));
}

static uint64_t rays_bytes(const kvox_ct_slabs *slabs) { return (uint64_t)slabs->views * sizeof(device_rays); }

void kvox_ct_ocl_weigh_views_need(const kvox_ct_slabs *slabs, kvox_ct_need *need) {
  kvox_ct_need_buffer(need, rays_bytes(slabs));
  kvox_ct_need_buffer(need, nodes_bytes(slabs));
}

uint64_t kvox_ct_ocl_weigh_views_bytes(const kvox_ct_slabs *slabs) {
  return sizeof(kvox_ct_ocl_weigh_views) + nodes_bytes(slabs);
}

/* The same product as kvox_ct_fdk_weigh_row's, lengths in units of the ray to pixel (0, 0). `scratch`: two rows. */
static device_rays rays_of(const kvox_ct_fdk *fdk, int64_t view, float *scratch) {
  kvox_ct_fdk_weigher w;
  device_rays rays = {.corner = {1}, .across = {1}};
  kvox_ct_fdk_weigher_begin(fdk, view, scratch, &w);
  if (fdk->geometry->beam == KVOX_CT_PARALLEL) {
    rays.area = (float)(1 / w.scale);
    return rays;
  }
  const double *column = w.view->column_step_mm, *row = w.view->row_step_mm;
  const double unit = sqrt(kvox_ct_dot(w.corner, w.corner));
  for (int c = 0; c < 3; c++) {
    rays.corner[c] = (float)(w.corner[c] / unit);
    rays.column[c] = (float)(column[c] / unit);
    rays.row[c] = (float)(row[c] / unit);
  }
  rays.across[0] = (float)w.across[0];
  rays.across[1] = (float)w.across[1];
  rays.area = (float)((w.corner[0] * column[1] - w.corner[1] * column[0]) / w.scale);
  rays.more_area = (float)((row[0] * column[1] - row[1] * column[0]) / w.scale);
  return rays;
}

static kvox_status make_rays(kvox_ct_ocl_weigh_views *stage, const kvox_ct_slabs *slabs) {
  kvox_heap *heap = stage->context->heap;
  device_rays *table = kvox_allocate_array(heap, slabs->views, sizeof *table);
  if (table == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  for (int64_t v = 0; v < slabs->views; v++) {
    table[v] = rays_of(stage->fdk, v, stage->found);
  }
  const kvox_status status =
      kvox_ocl_buffer_from(stage->context->ocl, "rays of views", table, rays_bytes(slabs), &stage->rays);
  kvox_release(heap, table);
  return status;
}

static kvox_status fill(kvox_ct_ocl_weigh_views *stage, const kvox_ct_slabs *slabs) {
  kvox_ocl *ocl = stage->context->ocl;
  stage->found = kvox_allocate(stage->context->heap, nodes_bytes(slabs));
  if (stage->found == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  KVOX_TRY(make_rays(stage, slabs));
  KVOX_TRY(kvox_ocl_buffer_create(ocl, nodes_bytes(slabs), "weights of rays", &stage->nodes));
  return kvox_ocl_kernel_get(ocl, "weigh", "", "weigh_views", &stage->kernel);
}

kvox_status kvox_ct_ocl_weigh_views_create(const kvox_ct_slabs *slabs, kvox_ct_ocl_weigh_views **stage) {
  kvox_ct_ocl_weigh_views *made = kvox_allocate_zeros(slabs->context->heap, sizeof *made);
  if (made == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  made->context = kvox_context_hold(slabs->context);
  made->fdk = slabs->fdk;
  const kvox_status status = fill(made, slabs);
  if (status != KVOX_OK) {
    kvox_ct_ocl_weigh_views_destroy(made);
    return status;
  }
  *stage = made;
  return KVOX_OK;
}

void kvox_ct_ocl_weigh_views_destroy(kvox_ct_ocl_weigh_views *stage) {
  if (stage != NULL) {
    kvox_context *context = stage->context;
    kvox_ocl_kernel_destroy(stage->kernel);
    kvox_buffer_destroy(stage->rays);
    kvox_buffer_destroy(stage->nodes);
    kvox_release(context->heap, stage->found);
    kvox_release(context->heap, stage);
    kvox_context_destroy(context);
  }
}

typedef struct node_job {
  const kvox_ct_ocl_weigh_views *stage;
  int64_t view, first, nodes;
} node_job;

static kvox_status find_nodes(void *data, int64_t index, int32_t worker) {
  const node_job *job = data;
  const kvox_ct_fdk *fdk = job->stage->fdk;
  const int64_t columns = fdk->geometry->columns;
  float *nodes = job->stage->found + index * job->nodes * columns;
  kvox_ct_fdk_weigher w;
  (void)worker;
  kvox_ct_fdk_weigher_begin(fdk, job->view + index, nodes, &w);
  for (int64_t n = 0; n < job->nodes; n++) {
    float *rays = nodes + n * columns;
    if (fdk->geometry->beam != KVOX_CT_PARALLEL) {
      kvox_ct_fdk_weigh_node(&w, (job->first + n) * KVOX_FDK_NODE, rays);
      continue;
    }
    for (int64_t u = 0; u < columns; u++) {
      rays[u] = 1;
    }
  }
  return KVOX_OK;
}

kvox_status kvox_ct_ocl_weigh_views_run(kvox_ct_ocl_weigh_views *stage, kvox_ocl_queue *queue,
                                        const kvox_ct_ocl_cut *cut, kvox_buffer *lines) {
  const int64_t columns = stage->fdk->geometry->columns;
  node_job job = {.stage = stage, .view = cut->view, .first = cut->row / KVOX_FDK_NODE};
  job.nodes = (cut->row + cut->rows - 1) / KVOX_FDK_NODE + 2 - job.first;
  const int64_t floats = cut->views * job.nodes * columns;
  /* A ray's redundancy takes some hundred operations. */
  KVOX_TRY(kvox_parallel(&stage->context->threads, cut->views, kvox_work(100, floats), find_nodes, &job, NULL));
  KVOX_TRY(kvox_ocl_write(queue, stage->nodes, 0, stage->found, (uint64_t)floats * sizeof *stage->found));
  const int32_t where[4] = {(int32_t)cut->row, (int32_t)cut->rows, (int32_t)columns, (int32_t)job.nodes};
  const int32_t first = (int32_t)job.first;
  const kvox_ocl_range range = {.items = {(uint64_t)columns, (uint64_t)cut->rows, (uint64_t)cut->views},
                                .group = {kvox_ocl_kernel_group(stage->kernel, GROUP)}};
  const kvox_ocl_argument arguments[] = {KVOX_OCL_BUFFER(stage->rays),  KVOX_OCL_VALUE(cut->view),
                                         KVOX_OCL_BUFFER(stage->nodes), KVOX_OCL_VALUE(first),
                                         KVOX_OCL_VALUE(where),         KVOX_OCL_BUFFER(lines)};
  return kvox_ocl_run(queue, stage->kernel, &range, arguments, sizeof arguments / sizeof *arguments);
}
