/* A libOpenCL of OpenCL 1.0: it lacks what came later. */
int clGetPlatformIDs(unsigned most, void *platforms, unsigned *count);

int clGetPlatformIDs(unsigned most, void *platforms, unsigned *count) {
  (void)most;
  (void)platforms;
  if (count != 0) {
    *count = 0;
  }
  return 0;
}
