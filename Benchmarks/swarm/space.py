"""Room for files that are larger than the disk: zeros take next to none of it."""

import os
import shutil
import subprocess
import tempfile


class Compressed:
    """A btrfs that compresses, in an image that grows with what is written, where TMPDIR says (default: /var/tmp). As root."""

    def __init__(self, gigabytes):
        self.gigabytes = gigabytes

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="swoop-space-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        mount, image = f"{self.folder}/mount", f"{self.folder}/image"
        os.mkdir(mount)
        try:
            with open(image, "wb") as file:
                file.truncate(self.gigabytes * 10 ** 9)
            subprocess.run(["mkfs.btrfs", "-q", image], check=True)
            subprocess.run(["mount", "-o", "loop,compress=zstd:1", image, mount], check=True)
        except BaseException:
            self.__exit__()
            raise
        return mount

    def __exit__(self, *_):
        subprocess.run(["umount", f"{self.folder}/mount"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder, ignore_errors=True)
