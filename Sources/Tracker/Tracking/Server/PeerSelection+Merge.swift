import Address

extension PeerSelection {
    /// Adds peers that others know of: compact addresses of both families. Each address is there once, the asking peer's is not. If
    /// there are more than `limit`, the others' peers get half of the places, or what is left.
    /// - Parameters:
    ///   - bothFamilies: whether peers of the other family than the asking peer's are wanted.
    ///   - replaces: false if those that are there keep their places.
    public mutating func merge(
        ipv4 others4: UnsafeRawBufferPointer, ipv6 others6: UnsafeRawBufferPointer, excluding own: PeerAddress,
        bothFamilies: Bool, limit: Int, replaces: Bool = true
    ) {
        let limit = min(limit, PeerSelection.capacity)
        // A peer id is known of none of them.
        if others4.count + others6.count > 0 { wantsNames = false }
        if own.family == .ipv4 {
            merge4(others4, own, limit, replaces)
            if bothFamilies { merge6(others6, own, limit, replaces) }
        } else {
            merge6(others6, own, limit, replaces)
            if bothFamilies { merge4(others4, own, limit, replaces) }
        }
    }

    private mutating func merge4(
        _ others: UnsafeRawBufferPointer, _ own: PeerAddress, _ limit: Int, _ replaces: Bool
    ) {
        let compact = own.family == .ipv4 ? own.compact : []
        ipv4Count = PeerSelection.merge(
            others, width: 6, own: compact, into: ipv4, count: ipv4Count, limit: limit - ipv6Count, replaces)
    }

    private mutating func merge6(
        _ others: UnsafeRawBufferPointer, _ own: PeerAddress, _ limit: Int, _ replaces: Bool
    ) {
        let compact = own.family == .ipv6 ? own.compact : []
        ipv6Count = PeerSelection.merge(
            others, width: 18, own: compact, into: ipv6, count: ipv6Count, limit: limit - ipv4Count, replaces)
    }

    /// - Returns: the number of addresses in `target`, at most `limit`.
    private static func merge(
        _ others: UnsafeRawBufferPointer, width: Int, own: [UInt8], into target: UnsafeMutableRawPointer, count: Int,
        limit: Int, _ replaces: Bool
    ) -> Int {
        guard let base = others.baseAddress, others.count >= width else { return count }
        // Both sides are small: few hundred addresses, compared by one word that holds most of what differs.
        @inline(__always)
        func word(_ address: UnsafeRawPointer) -> UInt64 {
            width == 6
                ? UInt64(address.loadUnaligned(as: UInt32.self)) << 16
                    | UInt64(address.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
                : address.loadUnaligned(fromByteOffset: 10, as: UInt64.self)
        }
        let number = others.count / width
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: PeerSelection.capacity) { words in
            for index in 0..<count { words[index] = word(target + width * index) }
            var used = count
            // Places that hold what was there before, and may be given to others.
            var replaceable = replaces ? max(0, min(count, limit / 2)) : 0
            var oldest = 0
            func isThere(_ address: UnsafeRawPointer, _ wanted: UInt64) -> Bool {
                for index in 0..<used where words[index] == wanted {
                    if width == 6 || isSame(target + width * index, address, width) { return true }
                }
                return false
            }
            for index in 0..<number {
                let address = base + width * index
                let wanted = word(address)
                if own.count == width,
                    own.withUnsafeBytes({ own in
                        own.baseAddress.map { isSame($0, address, width) } ?? false
                    })
                {
                    continue
                }
                guard !isThere(address, wanted) else { continue }
                let place: Int
                if used < limit {
                    place = used
                    used += 1
                } else if replaceable > 0 {
                    // The peers there are in random order already, by groups of which the last are the least useful.
                    replaceable -= 1
                    oldest += 1
                    place = count - oldest
                } else {
                    break
                }
                words[place] = wanted
                (target + width * place).copyMemory(from: address, byteCount: width)
            }
            return used
        }
    }

    @inline(__always)
    private static func isSame(_ one: UnsafeRawPointer, _ other: UnsafeRawPointer, _ width: Int) -> Bool {
        for offset in 0..<width
        where one.load(fromByteOffset: offset, as: UInt8.self) != other.load(fromByteOffset: offset, as: UInt8.self) {
            return false
        }
        return true
    }
}
