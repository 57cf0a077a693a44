use super::*;

#[test]
fn names_are_apaches() {
    let samples = [
        (16, "V3_0_1_SNAPSHOT"),
        (45, "V3_0_15"),
        (47, "V3_1_0"),
        (63, "V3_1_8"),
        (85, "V3_2_9"),
        (87, "V3_3_1"),
        (121, "V3_4_9"),
        (211, "V3_9_9"),
        (213, "V4_0_0"),
        (273, "V4_3_0"),
        (317, "V4_5_2"),
        (400, "V4_9_4_SNAPSHOT"),
        (401, "V4_9_4"),
        (409, "V4_9_8"),
        (413, "V5_0_0"),
        (475, "V5_3_1"),
        (493, "V5_4_0"),
        (513, "V5_5_0"),
        (515, "V5_5_1"),
        (611, "V5_9_9"),
        (612, "HIGHER_VERSION"),
        (i32::MAX, "HIGHER_VERSION"),
        (0, "V3_0_0"),
        (-5, "V3_0_0"),
    ];
    for (ordinal, name) in samples {
        assert_eq!(Version(ordinal).to_string(), name);
    }
    assert_eq!(Version::CURRENT.to_string(), "V5_5_0");
}
