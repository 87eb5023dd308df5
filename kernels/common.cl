/* Comes before every program at build time: what all kernels hold to. */

/* A multiply and an add are fused where fma() is written, and nowhere else: the same bits on every device. */
#pragma OPENCL FP_CONTRACT OFF
