#!/usr/bin/env python3
"""Prepares a file for Doxygen and prints it.

Headers and Fortran modules: each public function gets its example, the block [NAME] of a program in docs/examples. Doxygen warns where
there is no such block. Markdown: formulas in the notation of GitHub become those of Doxygen, and links to files that have no page, but for pictures,
become the names of these files.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
PAGES = ("docs/guide.md", "docs/theory.md")


def snippet(name: str, suffix: str, prefix: str) -> str:
    programs = [path for path in sorted(EXAMPLES.glob(f"*{suffix}")) if f"[{name}]" in path.read_text(encoding="utf-8")]
    program = programs[0].name if programs else f"no_example_of_{name}{suffix}"  # Doxygen says that it is not found
    return f"{prefix}\n{prefix} @par Example\n{prefix} @snippet {program} {name}\n"


def header(text: str) -> str:
    """Before the end of each comment on a function."""
    comment_and_function = re.compile(r" \*/\n(DAVEGAN_API[^;(]*?(davegan_\w+)\()")
    return comment_and_function.sub(lambda m: snippet(m[2], ".c", " *") + " */\n" + m[1], text)


def classes(text: str) -> str:
    """After the comment on each function; the block has the name of its class in front. Small helper types need none."""
    lines, result, owner = text.splitlines(keepends=True), [], ""
    for line, following in zip(lines, lines[1:] + [""]):
        result.append(line)
        if found := re.match(r"(?:class|struct) (\w+)", line) or re.match(r"template .*> class (\w+)", line):
            owner = f"{found[1]}::"
        elif line.startswith("}"):
            owner = ""
        function = re.match(r"( *)[^/\n=]*?(\w+)\(", following)
        if line.lstrip().startswith("///") and function and owner not in ("Span::", "Shape::", "error::"):
            result.append(snippet(owner + function[2], ".cpp", function[1] + "///"))
    return "".join(result)


def module(text: str) -> str:
    """After the comment on each public procedure. Doxygen does not show generic interfaces: their procedures take their names."""
    generic = re.compile(r"((?:  ![>!].*\n)+)  interface (davegan_\w+)\n    module procedure (.*)\n  end interface.*\n")
    for comment, name, procedures in generic.findall(text):
        for procedure in procedures.split(", "):
            text = re.sub(rf"((?:  !>.*\n)?)  subroutine {procedure}\b", rf"{comment}\1  subroutine {name}".replace("!!", "!>"), text)
            text = re.sub(rf"end subroutine {procedure}\b", f"end subroutine {name}", text)
    text = generic.sub("", text)
    comment_and_procedure = re.compile(r"(  ![>!].*\n)(  (?:pure |elemental )*(?:subroutine|function) (davegan_\w+))")
    return comment_and_procedure.sub(lambda m: m[1] + snippet(m[3], ".f90", "  !!") + m[2], text)


def link(text: str, target: str, folder: Path) -> str:
    """What the pages show of a link to a file: the page, if there is one, or else the name of the file."""
    if target.startswith(("http:", "https:")):
        return f"[{text}]({target})"
    if target.startswith("#"):
        return text
    path, _, heading = target.partition("#")
    name = (folder / path).resolve().relative_to(ROOT).as_posix()
    if name == "include/davegan.f90":
        return f'<a href="fortran/index.html">{text}</a>'
    if name in PAGES or name.startswith("docs/users/"):
        return f"[{text}]({name}{'#' if heading else ''}{heading})"
    return text if name.startswith("include/") else f"{text} (`{name}`)"


def markdown(text: str, folder: Path) -> str:
    text = re.sub(r"```math\n(.*?)```", r"\\f[\n\1\\f]", text, flags=re.DOTALL)
    text = re.sub(r"\$`(.*?)`\$", r"\\f$\1\\f$", text, flags=re.DOTALL)
    return re.sub(r"(?<!!)\[([^]]+)\]\(([^)]+)\)", lambda m: link(m[1], m[2], folder), text)


def main() -> None:
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        sys.stdout.write(markdown(text, path.resolve().parent))
    else:
        sys.stdout.write({".h": header, ".hpp": classes, ".f90": module}[path.suffix](text))


if __name__ == "__main__":
    main()
