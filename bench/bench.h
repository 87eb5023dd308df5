/* kvox_bench: what its cases share. */
#ifndef KVOX_BENCH_H
#define KVOX_BENCH_H

#include <cjson/cJSON.h>
#include <kvox/kvox.h>
#include <stddef.h>

#define KVOX_BENCH_TRY(call)                  \
  do {                                        \
    const kvox_status status_of_call_ = call; \
    if (status_of_call_ != KVOX_OK) {         \
      return status_of_call_;                 \
    }                                         \
  } while (0)

/* ---- Timing ---- */

enum { KVOX_BENCH_MOST_RUNS = 99 };

double kvox_bench_now(void);

/* Seconds of one thing over the runs. */
typedef struct kvox_bench_series {
  int count;
  double seconds[KVOX_BENCH_MOST_RUNS];
} kvox_bench_series;

void kvox_bench_add(kvox_bench_series *series, double seconds);
double kvox_bench_median(const kvox_bench_series *series);
double kvox_bench_least(const kvox_bench_series *series);

/* Runs are repeated until there are `runs`, or `budget_s` is spent and there is one. */
int kvox_bench_goes_on(const kvox_bench_series *series, int runs);

/* ---- The machine ---- */

/* What the machine does at best with so many threads; loops of one instruction set. */
typedef struct kvox_bench_peaks {
  int32_t level;
  double fma_gflops; /* a fused multiply-add is two */
  double l1_gbytes, l2_gbytes;
} kvox_bench_peaks;

enum { KVOX_BENCH_MOST_LEVELS = 3 };

typedef struct kvox_bench_machine {
  double copy_gbytes; /* read and written, memory to memory */
  int levels;
  kvox_bench_peaks peaks[KVOX_BENCH_MOST_LEVELS]; /* the last are those of the level in use */
} kvox_bench_machine;

/* False where there is no memory for it. */
int kvox_bench_measure_machine(int threads, int32_t level, kvox_bench_machine *machine);
cJSON *kvox_bench_machine_json(const kvox_bench_machine *machine);

/* ---- A run of the program ---- */

typedef struct kvox_bench {
  kvox_context *context;
  int threads;
  int runs;
  kvox_bench_machine machine;
} kvox_bench;

typedef struct kvox_bench_case kvox_bench_case;
struct kvox_bench_case {
  const char *name;
  const char *summary;
  kvox_status (*run)(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
  int64_t size, slices, views, columns;
};

kvox_status kvox_bench_ct_fbp(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_fdk(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_rabbit(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_rabbit_matrices(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_stream(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_filter(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_project(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_backproject(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_project_cone(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_backproject_cone(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_project_arm(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_backproject_arm(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_project_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_backproject_fan(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_oracle(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_ct_correct(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_mri_fourier(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_mri_live_adaptive(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_mri_live_homodyne(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_mri_unwrap(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);
kvox_status kvox_bench_mri_live(const kvox_bench *bench, const kvox_bench_case *what, cJSON *result);

/* ---- Reports ---- */

/* The case's sizes, and "seconds" with median, least and the number of runs. Returns "seconds". */
cJSON *kvox_bench_report(cJSON *result, const kvox_bench_case *what, const kvox_bench_series *total);

/* 10^9 voxels times views a second. */
double kvox_bench_gups(const kvox_bench_case *what, double seconds);

/* Every number with its path, for a person. */
void kvox_bench_print(const cJSON *result);

/* ---- Stages and devices ---- */

enum { KVOX_BENCH_MOST_STAGES = 8 };

/* Seconds of each stage over the runs: of the wall clock on the CPU, of the device's own events on a device. */
typedef struct kvox_bench_stages {
  int count;
  const char *names[KVOX_BENCH_MOST_STAGES];
  kvox_bench_series seconds[KVOX_BENCH_MOST_STAGES];
} kvox_bench_stages;

/* The last execution's. */
void kvox_bench_stages_add(kvox_bench_stages *stages, const kvox_workspace *workspace);
double kvox_bench_stage(const kvox_bench_stages *stages, const char *name); /* the median; 0: there is none */
void kvox_bench_report_stages(cJSON *seconds, const kvox_bench_stages *stages);

double kvox_bench_bytes(const kvox_array *array);

/* Adds "transfers", where the stages have some: what goes up to the device and comes down once in an execution. */
void kvox_bench_report_transfers(cJSON *result, const kvox_bench_stages *stages, const kvox_array *up,
                                 const kvox_array *down);

int kvox_bench_on_device(const kvox_bench *bench);

/* The same array in a new buffer of the device. */
kvox_status kvox_bench_device_copy(const kvox_bench *bench, const kvox_array *host, kvox_buffer **buffer,
                                   kvox_array *array);

/* ---- A simulated scan ---- */

/* A Shepp-Logan head (high contrast) that fills `size` pixels, the same in every row, pitch 1 mm, half a turn. */
typedef struct kvox_bench_scan {
  kvox_ct_geometry *geometry;
  kvox_phantom *phantom;
  double density;      /* the phantom's: errors are told for contrast 1 */
  kvox_volume *memory; /* of the projections; not a picture */
  kvox_array projections;
  kvox_grid grid; /* size x size x slices about the axis */
  kvox_volume *volume;
} kvox_bench_scan;

kvox_status kvox_bench_scan_make(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);

/* A 3D head that fills the field of view of a cone beam with a full turn: `size` voxels of 256 mm in all at 1000 mm
 * from the source, 500 mm before a detector of 400 mm, `columns` squared. */
kvox_status kvox_bench_scan_make_cone(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);

/* The same of an arm that sags: every view is given by itself. */
kvox_status kvox_bench_scan_make_arm(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);

/* The same with a row for each slice, all in planes. */
kvox_status kvox_bench_scan_make_fan(const kvox_bench *bench, const kvox_bench_case *what, kvox_bench_scan *scan);

/* A C-arm like that of RabbitCT (Rohkohl et al. 2009): a short scan of 200 degrees, 960 rows, as counts of u16 in place
 * of its floats; voxels of 0.5 x 0.5 x 0.375 mm, since its rows see 200 mm of the axis. `sags`: every view has a matrix
 * of its own, some pixels beside those of the circle. */
kvox_status kvox_bench_scan_make_rabbit(const kvox_bench *bench, const kvox_bench_case *what, int sags,
                                        kvox_bench_scan *scan);

/* Bends the arm by a millimetre or two and rolls its detector by a sixth of a degree, smoothly along the turn. */
void kvox_bench_sag(kvox_ct_view *view);

void kvox_bench_scan_drop(kvox_bench_scan *scan);

/* Touches every page of the volume. */
kvox_status kvox_bench_scan_clear(const kvox_bench_scan *scan);

/* Memory for an array, as a volume: dims [k, j, i] of a type, zeros. */
kvox_status kvox_bench_memory(kvox_context *context, kvox_type type, const int64_t dims[3], kvox_volume **memory,
                              kvox_array *array);

/* Root mean square of volume - true averages where r < 0.95 of half the width; of a cone beam in the middle slice. */
kvox_status kvox_bench_error(const kvox_bench *bench, const kvox_bench_scan *scan, double *rmse);

/* ---- Limits ---- */

/*
 * What a linear interpolation a voxel and view must cost, whoever writes it: two fused multiply-adds (one for either
 * neighbour) and two loads of f32 from the nearest cache; and the arrays pass once through memory.
 */
typedef struct kvox_bench_limits {
  double arithmetic_s, loads_s, memory_s;
} kvox_bench_limits;

kvox_bench_limits kvox_bench_interpolation_limits(const kvox_bench *bench, const kvox_bench_case *what,
                                                  const kvox_bench_scan *scan);

/* Adds "limits" to `result`: these, the seconds that FFTW needs (0: no filtering), their sum and its share of the
 * seconds that were measured. What runs beside each other (arithmetic, loads) counts with the greater. */
void kvox_bench_report_limits(cJSON *result, const kvox_bench_limits *limits, double fftw_s, double measured_s);

/* How many processes wanted to run in the last minute, this one's threads included; negative: not known. */
double kvox_bench_load_average(void);

/* Bytes of this process that are in memory now, and the most since the last reset; 0 where the system does not say. */
double kvox_bench_resident(void);
double kvox_bench_most_resident(void);
void kvox_bench_reset_most_resident(void);

/* ---- FFTW alone ---- */

/*
 * Plain FFTW on rows of `length`, there and back: the same single-threaded plans on as many threads, data in the cache.
 * `pairs`: two rows as one complex row, which costs less; else real transforms. `measure`: FFTW_MEASURE, else ESTIMATE.
 */
typedef struct kvox_bench_fftw kvox_bench_fftw;
kvox_bench_fftw *kvox_bench_fftw_create(int threads, int64_t length, int pairs,
                                        int measure); /* NULL: no memory, plan */
void kvox_bench_fftw_destroy(kvox_bench_fftw *fftw);

/* Seconds of so many rows, from a run of some thousand of them. */
double kvox_bench_fftw_run(const kvox_bench_fftw *fftw, int64_t rows);

/* The median over some runs of the faster kind with ESTIMATE; 0 where there is none. */
double kvox_bench_fftw_seconds(int threads, int64_t length, int64_t rows);

/*
 * Plain FFTW with MEASURE on `kspace`, `views` coils of `columns` (2 or 3) dimensions: whole coils on each thread, in
 * place (way 0) and to an array of one coil (1); all threads on one coil, in place (2) and to such an array (3). What
 * is transformed in place, and was when it was planned, is no k-space any more. 0 seconds where FFTW has no threads of
 * its own.
 */
typedef struct kvox_bench_coils kvox_bench_coils;
enum { KVOX_BENCH_COILS_WAYS = 4 };
kvox_bench_coils *kvox_bench_coils_create(const kvox_bench *bench, const kvox_bench_case *what, void *kspace);
void kvox_bench_coils_destroy(kvox_bench_coils *coils);
double kvox_bench_coils_run(const kvox_bench_coils *coils, int way);

/* The transform length that Kvox uses for this geometry, from a plan's provenance. */
int64_t kvox_bench_transform_length(const char *provenance);

#endif
