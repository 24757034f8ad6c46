import Tracking

let hashText = "%01%02%03%04%05%06%07%08%09%0A%0b%0c%0d%0e%0f%10%11%12%13%14"
let peerText = "-SW0001-abcdefghijkl"

func query(_ text: String) throws(TrackerRefusal) -> PeerAnnounce {
    let bytes = Array(text.utf8)
    let result: Result<PeerAnnounce, TrackerRefusal> = bytes.withUnsafeBytes { buffer in
        do throws(TrackerRefusal) { return .success(try AnnounceQuery.parse(buffer)) } catch { return .failure(error) }
    }
    return try result.get()
}

/// A well-formed announce with something before and something after.
func announce(_ more: String = "", port: String = "6881") throws(TrackerRefusal) -> PeerAnnounce {
    try query("info_hash=\(hashText)&peer_id=\(peerText)&port=\(port)" + (more.isEmpty ? "" : "&" + more))
}

func refusal(_ text: String) -> String? {
    do {
        _ = try query(text)
        return nil
    } catch {
        return error.reason.description
    }
}

func bigEndian(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) } }
func bigEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

/// A UDP announce of 98 bytes.
func datagram(
    connection: UInt64 = 7, transaction: UInt32 = 9, left: UInt64 = 1, event: UInt32 = 2, address: UInt32 = 0,
    key: UInt32 = 0, wanted: UInt32 = .max, port: UInt16 = 6881
) -> [UInt8] {
    bigEndian(connection) + bigEndian(UInt32(1)) + bigEndian(transaction) + Array(1...20) + Array(peerText.utf8)
        + bigEndian(UInt64(0)) + bigEndian(left) + bigEndian(UInt64(0)) + bigEndian(event) + bigEndian(address)
        + bigEndian(key) + bigEndian(wanted) + [UInt8(port >> 8), UInt8(port & 255)]
}
