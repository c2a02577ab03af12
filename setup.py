"""Builds minitorch._C: every C file once, the kernels once per instruction set, in parallel, if it changed.

Metadata stands in pyproject.toml, sources and flags in csrc/sources.mk. Switches, all environment variables:

CC                      the C compiler (default: the one Python was built with)
MINITORCH_OPENMP=0|1    without OpenMP, or never without (default: with it if a program with it builds)
MINITORCH_LTO=0|1       without optimization across files, or never without (default: if it works; -g: no)
MINITORCH_SAN=address|undefined|address,undefined   with sanitizers and MT_ASSERT
MINITORCH_JOBS          how many compilations at a time (default: one per core)
CFLAGS, LDFLAGS         appended to every command; -g in CFLAGS keeps the symbols
"""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CSRC = ROOT / "csrc"


def read_makefile(path):
    """The NAME = value lines of sources.mk, values as lists of words."""
    lines = (line.partition("=") for line in path.read_text().splitlines() if line[:1] not in "#")
    return {name.strip(): shlex.split(value) for name, equals, value in lines if equals}


class BuildC(build_ext):
    """build_ext that keeps objects: compiles where a source, a header it includes or the command changed."""

    def build_extension(self, ext):
        self.make = read_makefile(CSRC / "sources.mk")
        self.cc = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
        self.cflags = shlex.split(os.environ.get("CFLAGS", ""))
        self.san = [f"-fsanitize={s}" for s in os.environ.get("MINITORCH_SAN", "").split(",") if s]
        self.openmp = ["-fopenmp"] if self.probe_openmp() else []
        self.lto = ["-flto=auto"] if self.probe_lto() else []
        jobs = list(self.jobs())
        for parent in {object_.parent for object_, _ in jobs}:
            parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(int(os.environ.get("MINITORCH_JOBS") or os.cpu_count() or 1)) as pool:
            built = sum(pool.map(lambda job: self.compile(*job), jobs))
        print(f"minitorch: {built} of {len(jobs)} objects compiled, OpenMP {'on' if self.openmp else 'off'}")
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        self.link([object_ for object_, _ in jobs], target)

    def builds(self, text, *flags):
        """Does a program build with these flags?"""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(text)
            command = [*self.cc, *flags, str(source), "-o", str(Path(folder, "probe"))]
            return subprocess.run(command, capture_output=True).returncode == 0

    def probe_openmp(self):
        """Not every compiler that takes the flag has the library."""
        wanted = os.environ.get("MINITORCH_OPENMP")
        if wanted == "0":
            return False
        works = self.builds(
            "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n", "-fopenmp"
        )
        if wanted == "1" and not works:
            raise SystemExit(f"MINITORCH_OPENMP=1, but {' '.join(self.cc)} -fopenmp builds no program here")
        return works

    def probe_lto(self):
        """A training step of a tiny net crosses files hundreds of times: inlining saves a tenth of it."""
        wanted = os.environ.get("MINITORCH_LTO")
        if wanted == "0" or (wanted != "1" and ("-g" in self.cflags or self.san)):
            return False
        return wanted == "1" or self.builds("int main(void) { return 0; }\n", "-flto=auto")

    def core_flags(self):
        flags = [flag for flag in self.make["CFLAGS_common"] if flag != "-g"]
        flags += [*self.make["CFLAGS_warnings"], *(f"-I{CSRC / folder}" for folder in self.make["INCLUDES"])]
        if self.san:
            flags += ["-O1", "-g", "-DMT_DEBUG", "-fno-omit-frame-pointer", "-fno-sanitize-recover=all"]
            flags += self.san
        return flags + self.openmp

    def python_flags(self):
        import numpy

        folders = [sysconfig.get_path("include"), sysconfig.get_path("platinclude"), numpy.get_include()]
        flags = [word for folder in dict.fromkeys(folders) for word in ("-isystem", folder)]
        version = "NPY_1_23_API_VERSION"
        flags += [f"-DNPY_TARGET_VERSION={version}", f"-DNPY_NO_DEPRECATED_API={version}"]
        # CPython's macros check their arguments without it: a good part of a short call.
        return flags if self.san else [*flags, "-DNDEBUG"]

    def jobs(self):
        """(object, command) of every compilation. Each compiler and interpreter has a folder of its own."""
        core, python = self.core_flags(), self.core_flags() + self.python_flags()
        key = hashlib.sha256(" ".join([*self.cc, *python, *self.lto, *self.cflags]).encode()).hexdigest()[:10]
        folder = ROOT / "build" / f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}-{key}"
        machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
        isas = self.make.get(f"ISAS_{machine}", self.make["ISAS_other"])
        lean = self.make["CFLAGS_lean"]
        lean = lean if self.builds("int main(void) { return 0; }\n", "-Werror", *lean) else []
        for layer in [*self.make["LAYERS"], "python"]:
            for source in sorted((CSRC / layer).glob("*.c")):
                name = f"{layer}_{source.stem}"
                if layer != "kernels" or source.name == "select.c":
                    flags = (python if layer == "python" else core) + self.lto
                    for kind in ("small", "hot"):
                        flags = flags + self.make[f"CFLAGS_{kind}"] * (source.stem in self.make[kind.upper()])
                    yield self.job(source, folder / f"{name}.o", flags)
                    continue
                for isa in isas:
                    flags = self.make.get(f"CFLAGS_{source.stem}", []) + self.make[f"FLAGS_{isa}"]
                    flags += lean * (source.stem in self.make["LEAN"])
                    flags += [f"-DMT_ISA={isa}", f"-DMT_ISA_{isa}"]
                    yield self.job(source, folder / f"{name}.{isa}.o", core + flags)

    def job(self, source, object_, flags):
        depends = ["-MMD", "-MF", str(object_.with_suffix(".d"))]
        return object_, [*self.cc, *flags, *self.cflags, *depends, "-c", str(source), "-o", str(object_)]

    def compile(self, object_, command):
        """Runs the command unless its result is there and current; how often it did (0 or 1)."""
        note, text = object_.with_suffix(".cmd"), shlex.join(command)
        if not self.force and self.is_current(object_, note, text):
            return 0
        note.unlink(missing_ok=True)
        done = subprocess.run(command, capture_output=True, text=True)
        sys.stderr.write(done.stderr)
        if done.returncode:
            raise SystemExit(f"minitorch: the compiler failed on {command[-3]}")
        note.write_text(text)
        return 1

    @staticmethod
    def is_current(object_, note, text):
        try:
            if note.read_text() != text:
                return False
            built = object_.stat().st_mtime_ns
            depends = object_.with_suffix(".d").read_text().replace("\\\n", " ").partition(": ")[2]
            return all(os.stat(name).st_mtime_ns <= built for name in shlex.split(depends))
        except OSError:
            return False

    def link(self, objects, target):
        shared = shlex.split(sysconfig.get_config_var("LDSHARED") or "cc -shared")
        flags = shared[next(i for i, word in enumerate(shared) if word.startswith("-")) :]
        strip = [] if "-g" in self.cflags or self.san or sys.platform == "darwin" else ["-s"]
        command = [*self.cc, *flags, *map(str, objects), "-o", str(target), "-lm", "-pthread", *self.openmp]
        command += [*self.lto, *self.san, *strip]
        command += shlex.split(os.environ.get("LDFLAGS", ""))
        if subprocess.run(command).returncode:
            raise SystemExit("minitorch: the linker failed")


setup(ext_modules=[Extension("minitorch._C", sources=[])], cmdclass={"build_ext": BuildC})
