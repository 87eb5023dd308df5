/* The reconstruction inside: sizes that follow from the protocol, what is stored, and what a push and an image share.
 */
#ifndef KVOX_MRI_RECON_INSIDE_H
#define KVOX_MRI_RECON_INSIDE_H

#include <stdbool.h>

#include "context/workspace.h"
#include "core/size.h"
#include "kvox/mri_epi.h"
#include "kvox/mri_recon.h"

/* Counters that tell frames apart, slowest first. */
enum { KVOX_MRI_RECON_FRAME_AXES = 4 };

/* What protocol and options say; axes are x, y, z. */
typedef struct kvox_mri_recon_layout {
  int64_t encoded[3];   /* samples of k-space: readout, lines, partitions */
  int64_t transform[3]; /* pixels over the encoded field of view */
  int64_t image[3];     /* of which the middle ones are kept */
  double spacing_mm[3]; /* of pixels; 1 where lengths are not known */
  int64_t first[3];     /* what of k-space is measured, the first and one past the last: y, z as the limits announce, */
  int64_t end[3];       /* x as the readouts have it */
  int64_t offset[3];    /* y, z: from a counter to its place in k-space */
  int64_t frames, slices;
  int64_t frame_sizes[KVOX_MRI_RECON_FRAME_AXES];
  int64_t lines; /* image lines that are announced, but for those that acceleration leaves out */
} kvox_mri_recon_layout;

kvox_status kvox_mri_recon_plan_layout(const kvox_mri_protocol *protocol, const kvox_mri_recon_options *options,
                                       kvox_mri_recon_layout *layout);

/* Where a slice was; axes are read, phase, slice. */
typedef struct kvox_mri_recon_place {
  bool known;
  double position_mm[3], axes[3][3];
} kvox_mri_recon_place;

/* What is stored of k-space: [frame][slice][coil][z][y][x], x in the image or, where that is `raw`, in k-space. */
typedef struct kvox_mri_recon_store {
  float *samples;  /* means of what came */
  int32_t *counts; /* [frame][slice][z][y]: readouts that the line is the mean of; 0: it did not come */
  bool raw;
  int64_t x;                                 /* samples of a row */
  int64_t rows;                              /* y z */
  int64_t coil_step, slice_step, frame_step; /* floats */
  int64_t floats;                            /* in all */
  int64_t count_bytes;
} kvox_mri_recon_store;

/* What EPI adds (recon_epi.c). */
typedef struct kvox_mri_recon_epi kvox_mri_recon_epi;

/* Navigators in a row, of one train; more have nothing to add. */
enum { KVOX_MRI_RECON_MOST_NAVIGATORS = 16 };

/* Those that wait for the first line, their data copied. */
typedef struct kvox_mri_recon_held {
  int64_t count;
  kvox_mri_readout readouts[KVOX_MRI_RECON_MOST_NAVIGATORS];
} kvox_mri_recon_held;

struct kvox_mri_recon {
  kvox_context *context;
  kvox_mri_protocol protocol;
  kvox_mri_recon_options options;
  kvox_mri_recon_layout layout;
  uint64_t memory_limit; /* 0: none */

  /* Set by the first line; coils by noise that is known. They are settled by a line that is as the protocol announces,
   * or by a second one that is like the first; before that another line replaces the first. */
  bool begun, settled;
  int64_t coils, samples;
  double sample_time_us;

  kvox_mri_noise_sum *noise_sum;
  int64_t noise_readouts; /* in it */
  kvox_mri_noise *known_noise;
  kvox_mri_noise *noise;             /* what lines are whitened by; NULL: they are not */
  kvox_mri_noise_sum *edges;         /* NULL: not looked at */
  kvox_mri_noise *edge_noise;        /* made with the edges, filled for an image */
  bool edges_tell;                   /* that it was */
  kvox_mri_compression *compression; /* NULL: none; filled for an image */
  float *matrix;       /* [image][coil][real, imaginary]: what coils become when an image is made; NULL: nothing */
  int64_t mixed_lines; /* `lines` when it was made */
  double kept_energy;  /* by compression, 0 to 1 */

  kvox_workspace *inner;     /* of the stages */
  kvox_mri_fourier *along_x; /* NULL: not transformed before an image is asked for */
  kvox_mri_fourier *across;
  kvox_mri_partial *partial; /* NULL: nothing to find */
  kvox_buffer *completed;    /* lines of all images of a slice on a device; NULL: they come to the host one by one */
  float *grid;               /* [coil][encoded x] */
  float *row;                /* [coil][x of the store] */
  kvox_mri_recon_store store;
  kvox_mri_ramp *ramp;          /* NULL: samples lie on the grid */
  kvox_mri_recon_epi *epi;      /* NULL: it is none */
  kvox_mri_recon_place *places; /* [slice] */
  int64_t *order;               /* slices by their positions, from the first image readout on */
  kvox_mri_recon_held *held;    /* NULL: none */
  int64_t lines;                /* that came */
  int64_t left_out;             /* readouts of other uses */
  uint32_t logged;              /* what was said once */
  kvox_text words;
};

/* Things that are logged once. */
enum {
  KVOX_MRI_RECON_SAID_ENCODING = 1 << 0,
  KVOX_MRI_RECON_SAID_LATE_NOISE = 1 << 1,
  KVOX_MRI_RECON_SAID_ZEROS = 1 << 2,
  KVOX_MRI_RECON_SAID_NAVIGATOR = 1 << 3,
  KVOX_MRI_RECON_SAID_NOISE_COILS = 1 << 4,
  KVOX_MRI_RECON_SAID_ODD_NOISE = 1 << 5,
  KVOX_MRI_RECON_SAID_ODD_LINE = 1 << 6,
  KVOX_MRI_RECON_SAID_HELD = 1 << 7
};

/* Makes all that takes the sizes of the first line, which has samples `first` to below `end` of k-space along x; and
 * takes it back, with what was stored. */
kvox_status kvox_mri_recon_begin(kvox_mri_recon *recon, const kvox_mri_readout *readout, int64_t first, int64_t end);
void kvox_mri_recon_forget_lines(kvox_mri_recon *recon);

/* Order of slices, by the places that are known. */
void kvox_mri_recon_sort_slices(kvox_mri_recon *recon);
void kvox_mri_recon_note_place(kvox_mri_recon *recon, int64_t slice, const kvox_mri_readout *readout);

/* ---- Navigators before the first line ---- */

kvox_status kvox_mri_recon_hold(kvox_mri_recon *recon, const kvox_mri_readout *readout);
void kvox_mri_recon_release_held(kvox_mri_recon *recon);
/* At most, where they are as long as lines. */
uint64_t kvox_mri_recon_held_bytes(const kvox_mri_recon *recon, int64_t coils);

/* ---- EPI ---- */

/* Nothing where it is none. What a failure leaves is taken back by end. */
kvox_status kvox_mri_recon_epi_begin(kvox_mri_recon *recon, int64_t coils, int64_t samples);
void kvox_mri_recon_epi_end(kvox_mri_recon *recon);
/* Held, and at most taken of the inner workspace. */
uint64_t kvox_mri_recon_ghost_bytes(const kvox_mri_recon *recon, int64_t coils);
uint64_t kvox_mri_recon_epi_bytes(const kvox_mri_recon *recon, int64_t coils);

/* Whether samples are taken on ramps, and regridded. */
bool kvox_mri_recon_has_ramps(const kvox_mri_recon *recon);

/* A navigator lies in recon->row. */
bool kvox_mri_recon_takes_navigators(const kvox_mri_recon *recon);
bool kvox_mri_recon_saw_navigators(const kvox_mri_recon *recon);
kvox_status kvox_mri_recon_keep_navigator(kvox_mri_recon *recon, const kvox_mri_readout *readout, int64_t slice);

/* Takes off a line what the navigators before it told; notes its direction, `line` counted over all that are stored. */
kvox_status kvox_mri_recon_correct_line(kvox_mri_recon *recon, const kvox_mri_readout *readout, int64_t slice,
                                        const kvox_array *row);
void kvox_mri_recon_note_direction(kvox_mri_recon *recon, const kvox_mri_readout *readout, int64_t line);

/* Whether ghosts are found from images; if so, `stored` without what navigators left goes to `out`, or stays where it
 * is. */
bool kvox_mri_recon_has_ghost(const kvox_mri_recon *recon);
kvox_status kvox_mri_recon_take_ghost_off(kvox_mri_recon *recon, int64_t frame, int64_t slice, const kvox_array *stored,
                                          const kvox_array *out, bool *done);

/* ---- Transforms ---- */

/* For readouts that hold samples `first` to below `end` of k-space along x: what they leave out is found with the rest
 * of k-space, which must not be transformed before. Replaces what was planned before. */
kvox_status kvox_mri_recon_plan_transforms(kvox_mri_recon *recon, int64_t first, int64_t end);
void kvox_mri_recon_drop_transforms(kvox_mri_recon *recon);

/* What `completed` takes; 0: there is none, for partial Fourier or the transform is not on a device, or the slice is
 * too large. */
uint64_t kvox_mri_recon_completed_bytes(const kvox_mri_recon *recon, int64_t coils);
kvox_status kvox_mri_recon_complete_begin(kvox_mri_recon *recon, int64_t coils);
/* As an array [image, z, y, x]. */
kvox_array kvox_mri_recon_completed(const kvox_mri_recon *recon, int64_t images);

/* ---- Coils at the image ---- */

bool kvox_mri_recon_wants_edges(const kvox_mri_recon *recon);
/* The sample at k = 0, counted as they were measured. */
int64_t kvox_mri_recon_middle_as_measured(const kvox_mri_recon *recon, const kvox_mri_readout *readout);
kvox_status kvox_mri_recon_add_edges(kvox_mri_recon *recon, const kvox_mri_readout *readout, int64_t y, int64_t z);

/* Where images are of mixtures of coils, settle makes the matrix for what came so far, and mix_coil the lines
 * [1, z, y, x] of one image out of those of all coils. */
kvox_status kvox_mri_recon_settle_coils(kvox_mri_recon *recon);
/* At most taken of the inner workspace by that. */
uint64_t kvox_mri_recon_settle_bytes(const kvox_mri_recon *recon, int64_t coils);
kvox_status kvox_mri_recon_mix_coil(kvox_mri_recon *recon, int64_t image, const kvox_array *stored,
                                    const kvox_array *out);

/* ---- What several files use ---- */

/* A failure of a readout: its sentence names the readout's counters. */
kvox_status kvox_mri_recon_fail(kvox_status status, const kvox_mri_readout *readout, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sizes of the store of so many coils, all products checked; `x` is set. */
kvox_status kvox_mri_recon_size_store(const kvox_mri_recon *recon, int64_t coils, kvox_mri_recon_store *store);

/* How many coils there are, by the readouts or the protocol. */
kvox_status kvox_mri_recon_require_coils(const kvox_mri_recon *recon, const char *name, int64_t *coils);

/* What a reconstruction of so many coils takes is within the limit. */
kvox_status kvox_mri_recon_check_memory(const kvox_mri_recon *recon, int64_t coils);
/* At most taken of the inner workspace. */
kvox_status kvox_mri_recon_inner_bytes(const kvox_mri_recon *recon, int64_t coils, uint64_t *bytes);

/* The factor of a slice to units of its noise. */
double kvox_mri_recon_snr_scale(const kvox_mri_recon *recon, int64_t frame, int64_t slice);

/* Images of a slice: as many as coils, or as they are compressed to. */
int64_t kvox_mri_recon_images(const kvox_mri_recon *recon, int64_t coils);

/* Scratch of an image, of the caller's workspace. */
kvox_status kvox_mri_recon_scratch(const kvox_mri_recon *recon, int64_t coils, uint64_t *bytes);

/* What is stored of a frame's slice: [coil, z, y, x], and the counts of its lines, [z, y]. */
kvox_array kvox_mri_recon_stored(const kvox_mri_recon *recon, int64_t frame, int64_t slice);
const int32_t *kvox_mri_recon_counts(const kvox_mri_recon *recon, int64_t frame, int64_t slice);

#endif
