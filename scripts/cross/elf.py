"""Prints the newest glibc that an ELF binary asks for, and its size without symbols: `elf.py BINARY`."""

import os
import re
import sys

from elftools.elf.elffile import ELFFile


def newest_glibc(elf: ELFFile) -> str:
    section = elf.get_section_by_name(".gnu.version_r")
    names = [aux.name for _, auxiliaries in section.iter_versions() for aux in auxiliaries]
    versions = [match[1] for name in names if (match := re.fullmatch(r"GLIBC_([\d.]+)", name))]
    return max(versions, key=lambda version: [int(part) for part in version.split(".")])


def stripped(elf: ELFFile, path: str) -> int:
    symbols = (elf.get_section_by_name(name) for name in (".symtab", ".strtab"))
    return os.path.getsize(path) - sum(section.data_size for section in symbols if section)


def inspect(path: str) -> tuple[str, int]:
    with open(path, "rb") as file:
        elf = ELFFile(file)
        return newest_glibc(elf), stripped(elf, path)


if __name__ == "__main__":
    print(*inspect(sys.argv[1]))
