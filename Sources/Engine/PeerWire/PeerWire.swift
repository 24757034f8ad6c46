// PeerWire: the language two BitTorrent peers speak over a connection, as values.
//
// What it is for: turning received bytes into handshakes and messages, and those into bytes to send. BEP 3 (base
// protocol), 6 (fast extension), 9 (metadata exchange), 10 (extension protocol), 11 (peer exchange), 20 (peer ids),
// 21 (upload only), 40 (peer priority), 52 (hash requests), 54 (don't have).
//
// What it must never do: trap on what a peer sent, allocate for a length that a peer merely claims, keep more than
// `WireLimits` allows, carry the payload of a piece (the shell reads that straight into a piece buffer), decide what
// to answer, or do I/O, read a clock or take a lock.
//
// Where to start: `HandshakeDecoder`, then `FrameDecoder`; `Message.encode(into:)` and `FixedFrame` for the way out.
// Indices and offsets are raw 32-bit numbers as on the wire. `FrameDecoder` has checked them against `ContentBounds`
// once the metadata is known; only the engine knows the files, so it still asks the layout for a checked piece index.
