/// For each neighbour of a host, how many of its finished pieces have been announced to the host. Kept apart from other
/// connection state, because every host reads all entries many times a second.
package struct Hearing {
    private struct Ear {
        /// The host at the other end; -1 for a slot without a connection.
        var other: Int32 = -1
        /// Number of the neighbour's finished pieces that are known here.
        var heard: Int32 = 0
    }

    /// New pieces of a neighbour, as a range of all pieces that it has finished.
    package struct News {
        package let slot: Int32
        package let other: Int32
        package let pieces: Range<Int>
    }

    private var ears: ContiguousArray<Ear> = []

    package init() {}

    /// - Parameter heard: pieces finished before the connection, which the neighbour's bitfield contains.
    package mutating func connect(_ slot: Int32, to other: Int32, heard: Int) {
        while ears.count <= Int(slot) { ears.append(Ear()) }
        ears[Int(slot)] = Ear(other: other, heard: Int32(heard))
    }

    package mutating func disconnect(_ slot: Int32) { ears[Int(slot)].other = -1 }

    /// Appends all pieces that have not been announced yet, and marks them as announced.
    /// - Parameter finished: number of pieces that each host has finished.
    package mutating func listen(_ finished: ContiguousArray<Int32>, into news: inout [News]) {
        news.removeAll(keepingCapacity: true)
        for slot in ears.indices {
            let ear = ears[slot]
            guard ear.other >= 0 else { continue }
            let count = finished[Int(ear.other)]
            guard ear.heard < count else { continue }
            news.append(News(slot: Int32(slot), other: ear.other, pieces: Int(ear.heard)..<Int(count)))
            ears[slot].heard = count
        }
    }
}
