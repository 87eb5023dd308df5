/*
 * The fuzz targets without a fuzzer: every seed, then seeded mutations of them for about two seconds. A crash is the
 * failure; the number of the run that crashed is told by KVOX_FUZZ_TRACE=1.
 */
#include <dirent.h>
#include <time.h>

#include "fuzz.h"

enum { MOST_SEEDS = 64, MOST_BYTES = 1 << 16 };

static struct {
  uint8_t *bytes;
  size_t size;
} seeds[MOST_SEEDS];
static int seed_count;

/* xorshift64*: Vigna 2016. */
static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
static uint64_t draw(uint64_t below) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return below > 0 ? (state * UINT64_C(0x2545f4914f6cdd1d)) % below : 0;
}

static int read_seeds(const char *folder) {
  DIR *list = opendir(folder);
  if (list == NULL) {
    return 0;
  }
  for (struct dirent *entry = readdir(list); entry != NULL && seed_count < MOST_SEEDS; entry = readdir(list)) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    FILE *file = entry->d_name[0] != '.' ? fopen(path, "rb") : NULL;
    if (file == NULL) {
      continue;
    }
    seeds[seed_count].bytes = malloc(MOST_BYTES);
    if (seeds[seed_count].bytes != NULL) {
      seeds[seed_count].size = fread(seeds[seed_count].bytes, 1, MOST_BYTES, file);
      seed_count++;
    }
    fclose(file);
  }
  closedir(list);
  return seed_count;
}

/* One change to the bytes; returns their number. */
static size_t mutate(uint8_t *bytes, size_t size) {
  static const char *const words[] = {"-1", "0",   "999999999999999999999", "nan", "1e999", "\n", "{", "]", "\"",
                                      "%",  "True"};
  static const uint64_t numbers[] = {0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, INT64_MAX, UINT64_MAX};
  const size_t at = draw(size + 1), left = size - at;
  const size_t width = (size_t)1 << draw(4);
  const char *word = words[draw(sizeof words / sizeof words[0])];
  const uint64_t number = numbers[draw(sizeof numbers / sizeof numbers[0])];
  const size_t from = draw(size + 1), some = draw(64);
  switch (draw(8)) {
    case 0: return at; /* truncate */
    case 1:
      if (left > 0) {
        bytes[at] ^= (uint8_t)(1u << draw(8));
      }
      return size;
    case 2:
      if (left > 0) {
        bytes[at] = (uint8_t)draw(256);
      }
      return size;
    case 3: memcpy(bytes + at, &number, left < width ? left : width); return size;
    case 4: memcpy(bytes + at, word, left < strlen(word) ? left : strlen(word)); return size;
    case 5: /* remove */
      memmove(bytes + at, bytes + at + (some < left ? some : left), left - (some < left ? some : left));
      return size - (some < left ? some : left);
    case 6: /* repeat */
      if (size + some > MOST_BYTES || from + some > size) {
        return size;
      }
      memmove(bytes + at + some, bytes + at, left);
      memmove(bytes + at, bytes + from, some);
      return size + some;
    default: /* copy over */
      if (from + some <= size && some <= left) {
        memmove(bytes + at, bytes + from, some);
      }
      return size;
  }
}

int main(int count, char **arguments) {
  static uint8_t bytes[2 * MOST_BYTES];
  const char *trace = getenv("KVOX_FUZZ_TRACE");
  if (count < 2 || read_seeds(arguments[1]) == 0) {
    fprintf(stderr, "usage: %s FOLDER-OF-SEEDS [SECONDS]\n", count > 0 ? arguments[0] : "smoke");
    return 2;
  }
  for (int i = 0; i < seed_count; i++) {
    LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
  }
  const double seconds = count > 2 ? atof(arguments[2]) : 2;
  struct timespec begin, now;
  long runs = 0;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do {
    const int seed = (int)draw((uint64_t)seed_count);
    size_t size = seeds[seed].size;
    memcpy(bytes, seeds[seed].bytes, size);
    for (uint64_t changes = 1 + draw(4); changes > 0; changes--) {
      size = mutate(bytes, size);
    }
    if (trace != NULL) {
      fprintf(stderr, "%ld\n", runs);
      FILE *file = fopen("crash.input", "wb");
      if (file != NULL) {
        fwrite(bytes, 1, size, file);
        fclose(file);
      }
    }
    LLVMFuzzerTestOneInput(bytes, size);
    runs++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((double)(now.tv_sec - begin.tv_sec) + 1e-9 * (double)(now.tv_nsec - begin.tv_nsec) < seconds);
  printf("%d seeds, %ld mutations\n", seed_count, runs);
  for (int i = 0; i < seed_count; i++) {
    free(seeds[i].bytes);
  }
  return 0;
}
