/// How much of what its neighbours have finished a host has heard of. Apart from all else that is known of a
/// connection, since every host looks at all of them many times a second.
struct Hearing {
    private struct Ear {
        /// The host at the other end; -1 for a slot without a connection.
        var other: Int32 = -1
        /// So many of its finished pieces are known here.
        var heard: Int32 = 0
    }

    /// Pieces of a neighbour that are news, as a range of all that it has finished.
    struct News {
        let slot: Int32
        let other: Int32
        let pieces: Range<Int>
    }

    private var ears: ContiguousArray<Ear> = []

    /// - Parameter heard: what it had finished before is told by its bitfield.
    mutating func connect(_ slot: Int32, to other: Int32, heard: Int) {
        while ears.count <= Int(slot) { ears.append(Ear()) }
        ears[Int(slot)] = Ear(other: other, heard: Int32(heard))
    }

    mutating func disconnect(_ slot: Int32) { ears[Int(slot)].other = -1 }

    /// What there is to hear; it counts as heard.
    /// - Parameter finished: how many pieces each host has finished.
    mutating func listen(_ finished: ContiguousArray<Int32>, into news: inout [News]) {
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
