/* kvox bench: seconds and GUPS of synthetic cases through the public API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/progress.h"
#include "tool/report.h"
#include "tool/tool.h"

/* GUPS: 10^9 voxels written times views a second. */
typedef struct bench_case {
  const char *name;
  int64_t size, slices, views, columns;
} bench_case;

static const bench_case cases[] = {
    {"ct-slice-512", 512, 1, 720, 729},
    {"ct-stack-512x64", 512, 64, 720, 729},
};
enum { CASES = sizeof cases / sizeof cases[0], MOST_RUNS = 99 };

typedef struct bench_values {
  kvox_tool_common common;
  kvox_tool_numbers runs;
  int32_t list;
} bench_values;

static const kvox_tool_option bench_options[] = {
    {"list", 0, KVOX_TOOL_FLAG, NULL, "the names of the cases", offsetof(bench_values, list), 0, 0},
    {"runs", 0, KVOX_TOOL_NUMBERS, "N", "timed runs after a warm-up, of which the median counts (5)",
     offsetof(bench_values, runs), 1, KVOX_TOOL_WHOLE | KVOX_TOOL_POSITIVE},
    {NULL, 0, KVOX_TOOL_FLAG, NULL, NULL, 0, 0, 0},
};

typedef struct bench_job {
  kvox_tool *tool;
  const bench_case *what;
  kvox_ct_geometry *geometry;
  kvox_phantom *phantom;
  kvox_volume *projections; /* a volume for its checked memory: [view, row, column] */
  kvox_volume *volume;
  kvox_ct_fbp_plan *plan;
  kvox_workspace *workspace;
  kvox_array array;
} bench_job;

static int is_asked(const bench_values *values, const char *name) {
  for (int i = 0; i < values->common.operand_count; i++) {
    if (strcmp(values->common.operands[i], name) == 0) {
      return 1;
    }
  }
  return values->common.operand_count == 0;
}

static int check_names(const kvox_tool *tool, const bench_values *values) {
  const char *names[CASES];
  for (size_t c = 0; c < CASES; c++) {
    names[c] = cases[c].name;
  }
  for (int i = 0; i < values->common.operand_count; i++) {
    const char *name = values->common.operands[i];
    size_t c = 0;
    while (c < CASES && strcmp(name, names[c]) != 0) {
      c++;
    }
    if (c == CASES) {
      const char *near = kvox_tool_nearest(name, names, CASES);
      return kvox_tool_refuse(tool, KVOX_TOOL_USAGE, "unknown case %s, did you mean %s? (kvox bench --list tells all)",
                              name, near != NULL ? near : names[0]);
    }
  }
  return KVOX_TOOL_DONE;
}

static kvox_status make_data(bench_job *job) {
  kvox_context *context = job->tool->context;
  const bench_case *what = job->what;
  const int64_t size[3] = {what->columns, what->slices, what->views};
  static const double unit[3] = {1, 1, 1};
  kvox_grid grid;
  kvox_ct_parallel_options options;
  kvox_ct_parallel_options_init(&options);
  options.views = what->views;
  options.rows = what->slices;
  options.columns = what->columns;
  options.column_pitch_mm = 1;
  options.angle_step_deg = 180.0 / (double)what->views;
  kvox_status status = kvox_ct_geometry_create_parallel(context, &options, &job->geometry);
  status = status == KVOX_OK ? kvox_grid_init(&grid, size, unit, NULL) : status;
  status = status == KVOX_OK ? kvox_volume_create(context, KVOX_F32, &grid, &job->projections) : status;
  status = status == KVOX_OK ? kvox_volume_array(job->projections, &job->array) : status;
  status = status == KVOX_OK ? kvox_phantom_create(context, "shepp-logan", 0.5 * (double)what->size, 1, &job->phantom)
                             : status;
  return status == KVOX_OK ? kvox_ct_simulate(context, job->geometry, job->phantom, &job->array) : status;
}

static kvox_status make_plan(bench_job *job) {
  kvox_context *context = job->tool->context;
  const bench_case *what = job->what;
  const int64_t size[3] = {what->size, what->size, what->slices};
  static const double unit[3] = {1, 1, 1};
  kvox_grid grid;
  kvox_ct_fbp_options options;
  kvox_ct_fbp_options_init(&options);
  options.grid = &grid;
  kvox_status status = kvox_grid_init(&grid, size, unit, NULL);
  status = status == KVOX_OK ? kvox_ct_fbp_plan_create(context, job->geometry, &options, &job->plan) : status;
  status = status == KVOX_OK ? kvox_volume_create(context, KVOX_F32, &grid, &job->volume) : status;
  status = status == KVOX_OK ? kvox_workspace_create(context, &job->workspace) : status;
  kvox_tool_progress_attach(job->workspace);
  return status;
}

static double median(double *values, int count) {
  for (int i = 1; i < count; i++) {
    for (int j = i; j > 0 && values[j] < values[j - 1]; j--) {
      const double swap = values[j];
      values[j] = values[j - 1];
      values[j - 1] = swap;
    }
  }
  return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* Seconds of the last execution's stages that back-project. */
static double backprojection_seconds(const kvox_workspace *workspace) {
  double seconds = 0;
  for (int32_t i = 0; i < kvox_workspace_stage_count(workspace); i++) {
    if (strstr(kvox_workspace_stage_name(workspace, i), "project") != NULL) {
      seconds += kvox_workspace_stage_seconds(workspace, i);
    }
  }
  return seconds;
}

static kvox_status time_runs(bench_job *job, int runs) {
  double all[MOST_RUNS], back[MOST_RUNS];
  for (int run = -1; run < runs; run++) { /* run -1 warms up */
    const double begin = kvox_tool_now();
    const kvox_status status = kvox_ct_fbp_execute(job->plan, job->workspace, &job->array, job->volume);
    if (status != KVOX_OK) {
      return status;
    }
    if (run >= 0) {
      all[run] = kvox_tool_now() - begin;
      back[run] = backprojection_seconds(job->workspace);
    }
  }
  const bench_case *what = job->what;
  const double updates = 1e-9 * (double)what->size * (double)what->size * (double)what->slices * (double)what->views;
  const double seconds = median(all, runs), alone = median(back, runs);
  cJSON *row = cJSON_CreateObject();
  cJSON_AddStringToObject(row, "name", what->name);
  cJSON_AddNumberToObject(row, "runs", runs);
  cJSON_AddNumberToObject(row, "seconds", seconds);
  cJSON_AddNumberToObject(row, "gups", updates / seconds);
  cJSON_AddNumberToObject(row, "backprojection_seconds", alone);
  cJSON_AddNumberToObject(row, "backprojection_gups", alone > 0 ? updates / alone : 0);
  cJSON_AddItemToArray(cJSON_GetObjectItem(job->tool->report, "cases"), row);
  return KVOX_OK;
}

static int run_case(kvox_tool *tool, const bench_case *what, int runs) {
  bench_job job = {.tool = tool, .what = what};
  kvox_status status = make_data(&job);
  status = status == KVOX_OK ? make_plan(&job) : status;
  status = status == KVOX_OK ? time_runs(&job, runs) : status;
  const int code = kvox_tool_check(tool, status, what->name);
  kvox_workspace_destroy(job.workspace);
  kvox_volume_destroy(job.volume);
  kvox_ct_fbp_plan_destroy(job.plan);
  kvox_volume_destroy(job.projections);
  kvox_phantom_destroy(job.phantom);
  kvox_ct_geometry_destroy(job.geometry);
  return code;
}

static int run(kvox_tool *tool, const void *given) {
  const bench_values *values = given;
  int runs = values->runs.count == 0 ? 5 : values->runs.values[0] > MOST_RUNS ? MOST_RUNS : (int)values->runs.values[0];
  int code = check_names(tool, values);
  cJSON *list = code == KVOX_TOOL_DONE ? cJSON_AddArrayToObject(tool->report, "cases") : NULL;
  for (size_t c = 0; c < CASES && code == KVOX_TOOL_DONE; c++) {
    if (values->list) {
      cJSON *row = cJSON_CreateObject();
      cJSON_AddStringToObject(row, "name", cases[c].name);
      cJSON_AddItemToArray(list, row);
    } else if (is_asked(values, cases[c].name)) {
      code = run_case(tool, &cases[c], runs);
    }
  }
  return code;
}

const kvox_tool_verb kvox_tool_bench = {
    .name = "bench",
    .operands = "[NAME ...] [options]",
    .summary = "times synthetic cases: seconds and GUPS (10^9 voxels times views a second), medians",
    .least_operands = 0,
    .most_operands = 64,
    .options = bench_options,
    .values_size = sizeof(bench_values),
    .run = run,
};
