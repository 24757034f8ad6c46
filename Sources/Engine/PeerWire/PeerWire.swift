// PeerWire: the peer wire protocol of BitTorrent, as values.
//
// Purpose: decode received bytes into handshakes and messages, and encode them for sending. BEP 3 (base protocol), 6
// (fast extension), 9 (metadata exchange), 10 (extension protocol), 11 (peer exchange), 20 (peer ids), 21 (upload
// only), 40 (peer priority), 52 (hash requests), 54 (don't have).
//
// Must never: trap on received data, allocate for a length that a peer merely claims, keep more than `WireLimits`
// allows, handle the payload of a block (the shell reads it directly into a piece buffer), decide how to answer, do
// I/O, read a clock or take a lock.
//
// Where to start: `HandshakeDecoder`, then `FrameDecoder`; `Message.encode(into:)` and `FixedFrame` for sending.
// Indices and offsets are raw 32-bit numbers as on the wire. `FrameDecoder` has checked them against `ContentBounds`
// once the metadata is known. Only the engine knows the files, so it still gets a checked piece index from the layout.
