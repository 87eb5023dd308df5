"""kvox.ct.check: data held against their geometry."""

import numpy as np
import pytest

import kvox


@pytest.fixture(scope="module")
def fan():
    geometry = kvox.ct.Geometry.fan(
        (200, 2, 120), source_to_axis_mm=300, source_to_detector_mm=600, column_pitch_mm=1, column_offset_px=2
    )
    return geometry, kvox.ct.simulate(kvox.phantom.Phantom("shepp-logan", radius_mm=24, density=0.05), geometry)


def test_data_fit_their_geometry(fan):
    geometry, projections = fan
    assert kvox.ct.check(projections, geometry).startswith("The data fit the geometry.")


def test_a_wrong_direction_is_named(fan):
    geometry, projections = fan
    reversed_ = kvox.ct.Geometry.fan(
        geometry.shape,
        -geometry.angles_deg,
        source_to_axis_mm=300,
        source_to_detector_mm=600,
        column_pitch_mm=1,
        column_offset_px=2,
    )
    with pytest.raises(kvox.Error, match="the angles ran in the other direction"):
        kvox.ct.check(projections, reversed_)


def test_a_round_object_tells_nothing():
    geometry = kvox.ct.Geometry.fan((120, 1, 120), source_to_axis_mm=300, source_to_detector_mm=600, column_pitch_mm=1)
    round_ = kvox.ct.simulate(kvox.phantom.Phantom("cylinder", radius_mm=20, density=0.05), geometry)
    assert kvox.ct.check(round_, geometry).startswith("Whether the geometry is right cannot be judged")
    with pytest.raises(kvox.Error, match="no object"):
        kvox.ct.check(np.ones((120, 1, 120), np.float32), geometry)
