"""SigPy on the CPU: numpy's transforms, which have one thread, and shifts of memory."""

NAME = "SigPy"


def available():
    try:
        import sigpy
    except ImportError as error:
        return None, str(error)
    return sigpy.__version__, ""


class MriReconstructor:
    def __init__(self, kspace, volume, threads):
        self.settings = "ifft, rss, 1 thread" if threads > 1 else "ifft, rss"
        self.kspace = kspace
        self.axes = (-3, -2, -1) if volume else (-2, -1)

    def run(self):
        import sigpy

        return sigpy.rss(sigpy.ifft(self.kspace, axes=self.axes), axes=(0,))

    def close(self):
        pass
