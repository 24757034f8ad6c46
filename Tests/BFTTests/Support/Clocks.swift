import Policy

/// China, which changes its clocks no more.
let china = FixedOffsetClock(offset: 8 * 3600, name: "CST")
