#!/usr/bin/env bash
# damask 3.1.0 renumbers the materials of a DREAM.3D file: GeomGrid.load_DREAM3D without feature_IDs gives the material
# that appears first (x fastest) the number 0, the next new one 1, and so on, whatever the numbers of the phases are, and
# whether their Euler angles are all zero or differ by phase. So two images of one microstructure get different numbers for
# the same phase. ConfigMaterial.load_DREAM3D numbers alike, so that both fit together. With feature_IDs the numbers are
# those of the file.
#
# Needs python3 and a network. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet damask==3.1.0 h5py==3.16.0 numpy==2.4.6

venv/bin/python - <<'PYTHON'
import sys

import damask
import h5py
import numpy

PHASES = numpy.array([[[3, 3, 1, 2]]], numpy.int32)  # z, y, x


def write(path, angle):
    """The least that damask reads; the first Euler angle is the phase times `angle`."""
    with h5py.File(path, "w") as file:
        file.attrs["FileVersion"] = numpy.bytes_("7.0")
        geometry = file.create_group("DataContainers/Image/_SIMPL_GEOMETRY")
        geometry["DIMENSIONS"] = numpy.array(PHASES.shape[::-1])
        geometry["SPACING"] = numpy.ones(3, numpy.float32)
        geometry["ORIGIN"] = numpy.zeros(3, numpy.float32)
        cells = file.create_group("DataContainers/Image/CellData")
        cells["FeatureIds"] = cells["Phases"] = PHASES[..., None]
        cells["EulerAngles"] = PHASES[..., None] * numpy.array([angle, 0, 0], numpy.float32)


as_described = True
for angle in 0, 0.5:
    write("image.dream3d", angle)
    cells = damask.GeomGrid.load_DREAM3D("image.dream3d").material.ravel(order="F").tolist()
    features = damask.GeomGrid.load_DREAM3D("image.dream3d", feature_IDs="FeatureIds").material.ravel(order="F").tolist()
    config = damask.ConfigMaterial.load_DREAM3D("image.dream3d")
    names = [int(material["constituents"][0]["phase"]) for material in config["material"]]
    print(f"angles {angle} x phase: materials {cells}, their phases {names}; by feature {features}")
    as_described &= cells == [0, 0, 1, 2] and names == [3, 1, 2] and features == [3, 3, 1, 2]
print("as described" if as_described else "changed")
sys.exit(not as_described)
PYTHON
