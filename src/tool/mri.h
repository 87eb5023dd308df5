/* kvox mri: the reconstruction in progress, and the maps that are made beside its images. */
#ifndef KVOX_TOOL_MRI_H
#define KVOX_TOOL_MRI_H

#include "tool/mri_images.h"
#include "tool/mri_source.h"
#include "tool/report.h"

typedef struct kvox_tool_mri_values {
  kvox_tool_common common;
  kvox_tool_mri_source_values source;
  kvox_tool_mri_write_values write;
  kvox_tool_numbers coils, size, shift;
  const char *combine, *noise, *noise_file, *partial, *ghost, *window, *image, *output, *b0, *t2star;
  int32_t snr, oversampled, unwrap;
} kvox_tool_mri_values;

typedef struct kvox_tool_mri_job {
  kvox_tool *tool;
  const kvox_tool_mri_values *values;
  kvox_tool_mri_source source;
  kvox_mri_noise *noise; /* of --noise-file; NULL: none */
  kvox_mri_recon *recon; /* of the images */
  kvox_mri_recon *apart; /* of every coil's, for --b0; NULL: not asked for */
  kvox_workspace *workspace;
  kvox_tool_mri_images images, field, t2star;
  int64_t refused;         /* readouts */
  char first_refusal[256]; /* why */
  kvox_tool_seconds seconds;
  cJSON *stages;
} kvox_tool_mri_job;

/* Refuses maps that cannot be made of this scan: fewer than two echoes, or times that nobody told. */
int kvox_tool_mri_check_maps(const kvox_tool_mri_job *job);

/* --b0 and --t2star, from images that are complete; --unwrap. */
int kvox_tool_mri_make_maps(kvox_tool_mri_job *job);
int kvox_tool_mri_write_maps(kvox_tool_mri_job *job);

/* Takes over the stages of the workspace's last execution. */
void kvox_tool_mri_add_stages(kvox_tool_mri_job *job);

/* The part of the job's complex images that --image names, as f32, in their place. */
int kvox_tool_mri_take_phase(kvox_tool_mri_job *job);

#endif
