/* Writing MetaImage: .mha with its samples, .mhd with .raw or .zraw beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/deflate.h"
#include "io/metaimage.h"

/* Lines that ITK's reader can hold have less than 1024 bytes; longer provenance takes several. */
enum { PROVENANCE_PIECE = 800, MOST_PROVENANCE_BYTES = 1 << 14 };

/* Room for CompressedDataSize, which is known only at the end. */
enum { SIZE_DIGITS = 20 };

typedef struct writer {
  kvox_io_output header;
  kvox_io_output separate; /* .raw or .zraw; .mha has none */
  kvox_io_deflater deflater;
  int64_t size_at; /* where CompressedDataSize stands in the header */
} writer;

static kvox_status check(const char *path, const kvox_volume *volume, const kvox_array *array) {
  if (kvox_volume_slice_origins(volume) != NULL) {
    return kvox_extend_fail(
        KVOX_ERROR_UNSUPPORTED,
        "%.200s: MetaImage has no origin for each slice; reformat the volume onto an even grid first",
        kvox_io_name(path));
  }
  for (const kvox_io_metaimage_type *t = kvox_io_metaimage_types; t->name != NULL; t++) {
    if (t->type == array->type) {
      return KVOX_OK;
    }
  }
  return kvox_extend_fail(KVOX_ERROR_UNSUPPORTED, "%.200s: MetaImage has no %s samples; write .npy", kvox_io_name(path),
                          kvox_type_name(array->type));
}

static void write_numbers(kvox_io_output *output, const char *key, const double *numbers, int count) {
  kvox_io_output_print(output, "%s =", key);
  for (int i = 0; i < count; i++) {
    kvox_io_output_write(output, " ", 1);
    kvox_io_output_number(output, numbers[i]);
  }
  kvox_io_output_write(output, "\n", 1);
}

/* Pieces begin and end with something else than a space, which readers trim. JSON has line ends only as spaces. */
static void write_provenance(kvox_io_output *output, const char *json) {
  const size_t length = strlen(json);
  char piece[PROVENANCE_PIECE];
  size_t at = 0;
  if (length > MOST_PROVENANCE_BYTES) {
    return;
  }
  while (at < length) {
    size_t count = length - at < sizeof piece ? length - at : sizeof piece;
    while (count > 1 && at + count < length &&
           ((unsigned char)json[at + count - 1] <= ' ' || (unsigned char)json[at + count] <= ' ')) {
      count--;
    }
    for (size_t i = 0; i < count; i++) {
      piece[i] = (char)((unsigned char)json[at + i] < ' ' ? ' ' : json[at + i]);
    }
    kvox_io_output_print(output, "KvoxProvenance = ");
    kvox_io_output_write(output, piece, count);
    kvox_io_output_write(output, "\n", 1);
    at += count;
  }
}

static void write_header(writer *w, const kvox_volume *volume, const kvox_array *array, bool compress) {
  static const double axis_of_rotation[3] = {0, 0, 0};
  kvox_io_output *output = &w->header;
  kvox_grid grid = {0};
  kvox_volume_grid(volume, &grid);
  kvox_io_output_print(output, "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = %s\n",
                       kvox_io_big_endian() ? "True" : "False");
  kvox_io_output_print(output, "CompressedData = %s\n", compress ? "True" : "False");
  if (compress) {
    kvox_io_output_print(output, "CompressedDataSize = ");
    w->size_at = output->position;
    kvox_io_output_print(output, "%*s\n", SIZE_DIGITS, "");
  }
  write_numbers(output, "TransformMatrix", &grid.axes[0][0], 9);
  write_numbers(output, "Offset", grid.origin_mm, 3);
  write_numbers(output, "CenterOfRotation", axis_of_rotation, 3);
  write_numbers(output, "ElementSpacing", grid.spacing_mm, 3);
  kvox_io_output_print(output, "DimSize = %" PRId64 " %" PRId64 " %" PRId64 "\n", grid.size[0], grid.size[1],
                       grid.size[2]);
  const kvox_io_metaimage_type *type = kvox_io_metaimage_types;
  while (type->type != array->type) {
    type++;
  }
  kvox_io_output_print(output, "ElementType = %s\n", type->name);
  if (kvox_volume_unit(volume) != KVOX_UNIT_ARBITRARY) {
    kvox_io_output_print(output, "KvoxUnit = %s\n", kvox_io_unit_names[kvox_volume_unit(volume)]);
  }
  write_provenance(output, kvox_volume_provenance(volume));
}

/* The samples into `output`; where compressed, their size into the header. */
static kvox_status write_samples(writer *w, kvox_io_output *output, const kvox_array *array, bool compress) {
  if (!compress) {
    return kvox_io_blocks(array, kvox_io_output_take, output);
  }
  const int64_t begin = output->position;
  KVOX_TRY(kvox_io_deflate_begin(&w->deflater, output));
  KVOX_TRY(kvox_io_blocks(array, kvox_io_deflate_take, &w->deflater));
  KVOX_TRY(kvox_io_deflate_finish(&w->deflater));
  char digits[SIZE_DIGITS + 1];
  snprintf(digits, sizeof digits, "%-*" PRId64, SIZE_DIGITS, output->position - begin);
  kvox_io_output_patch(&w->header, w->size_at, digits, SIZE_DIGITS);
  return w->header.status;
}

/* The .raw or .zraw beside a .mhd: the path with another ending, its name for the header. */
static kvox_status open_separate(writer *w, kvox_context *context, const char *path, bool compress, char **data_path) {
  const size_t stem = strlen(path) - strlen(".mhd");
  *data_path = kvox_extend_allocate(context, stem + sizeof ".zraw");
  if (*data_path == NULL) {
    return KVOX_ERROR_MEMORY;
  }
  memcpy(*data_path, path, stem);
  strcpy(*data_path + stem, compress ? ".zraw" : ".raw");
  return kvox_io_output_open(context, *data_path, &w->separate);
}

static bool is_mhd(const char *path) {
  const char last = path[strlen(path) - 1];
  return last == 'd' || last == 'D';
}

kvox_status kvox_io_metaimage_write(kvox_context *context, const char *path, const kvox_volume *volume,
                                    const kvox_io_write_options *options) {
  const bool separate = is_mhd(path), compress = options->compress != 0;
  char *data_path = NULL;
  writer w = {.size_at = 0};
  kvox_array array;
  kvox_status status = KVOX_OK;
  KVOX_TRY(kvox_volume_array(volume, &array));
  KVOX_TRY(check(path, volume, &array));
  KVOX_TRY_CLEANUP(kvox_io_output_open(context, path, &w.header));
  write_header(&w, volume, &array, compress);
  if (separate) {
    KVOX_TRY_CLEANUP(open_separate(&w, context, path, compress, &data_path));
    kvox_io_output_print(&w.header, "ElementDataFile = %s\n", w.separate.name);
    KVOX_TRY_CLEANUP(write_samples(&w, &w.separate, &array, compress));
    /* Both are on the disk before either has its name. */
    KVOX_TRY_CLEANUP(kvox_io_output_finish(&w.header));
    KVOX_TRY_CLEANUP(kvox_io_output_commit(&w.separate));
  } else {
    kvox_io_output_print(&w.header, "ElementDataFile = LOCAL\n");
    KVOX_TRY_CLEANUP(write_samples(&w, &w.header, &array, compress));
  }
  status = kvox_io_output_commit(&w.header);
cleanup:
  kvox_io_deflate_end(&w.deflater);
  kvox_io_output_end(&w.separate);
  kvox_io_output_end(&w.header);
  kvox_extend_release(context, data_path);
  return status;
}
