import Files
import Glibc
import Hashing
import Synchronization

/// The catalogue on the disk, so that a start reads one file instead of one for each blob. It is no more than a memory: what blobs
/// there are the directory says, and what is missing here is read from there. So nothing is synced, and a record that is damaged
/// counts for nothing.
///
/// Rows that change are appended; of several of one blob the last counts. A file that has many old ones is written anew.
final class CatalogueFile: Sendable {
    private let directory: String
    private let layer: any FileLayer
    private let state = Mutex(State())

    private struct State {
        var file: HeldFile?
        var end: Int64 = 0
        var records = 0
    }

    private static let name = FileName(own: "catalogue")
    private static let blockRecords = 8_192
    /// A file is written anew when it has more than twice as many records as there are blobs, and so many.
    private static let fewRecords = 20_000

    init(directory: String, layer: any FileLayer) {
        self.directory = directory
        self.layer = layer
    }

    /// Calls `body` with the rows, the oldest first. Blocks.
    func read(_ body: ([BlobRow]) -> Void) throws(SystemError) {
        let held = try HeldDirectory.open(SystemPath(directory), layer: layer)
        let file: HeldFile
        do throws(SystemError) { file = try held.open(Self.name) } catch {
            guard error.number == ENOENT else { throw error }
            return
        }
        let (size, length) = (try file.status().size, RowRecord.byteCount)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockRecords * length, alignment: 8)
        defer { buffer.deallocate() }
        let head = UnsafeMutableRawBufferPointer(rebasing: buffer[..<RowRecord.header.count])
        guard try file.read(into: head, at: 0) == head.count, head.elementsEqual(RowRecord.header) else { return }
        var offset = Int64(head.count)
        while offset < size {
            let got = try file.read(into: buffer, at: offset)
            // What a crash left of the last one is written over.
            let whole = got - got % length
            guard whole > 0 else { break }
            body(
                stride(from: 0, to: whole, by: length).compactMap {
                    RowRecord.row(UnsafeRawBufferPointer(rebasing: buffer[$0..<$0 + length]))
                })
            offset += Int64(whole)
        }
        state.withLock { ($0.end, $0.records) = (offset, Int(offset) / length) }
    }

    /// Writes what changed. Blocks.
    func write(_ catalogue: BlobCatalogue) throws(SystemError) {
        try state.withLock { state throws(SystemError) in
            let blobs = catalogue.figures.blobs
            if state.end == 0 || state.records > max(Self.fewRecords, 2 * blobs) {
                return try rewrite(catalogue, &state)
            }
            while case let rows = catalogue.takeChanged(), !rows.isEmpty {
                do throws(SystemError) {
                    try append(rows, &state)
                } catch {
                    catalogue.putBack(rows)
                    throw error
                }
            }
        }
    }

    private func append(_ rows: [BlobRow], _ state: inout State) throws(SystemError) {
        if state.file == nil {
            let held = try HeldDirectory.open(SystemPath(directory), layer: layer)
            state.file = try held.open(Self.name, .write)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * RowRecord.byteCount)
        for row in rows { RowRecord.append(row, to: &bytes) }
        let end = state.end
        guard let file = state.file else { return }
        try layer.write(file.descriptor, bytes, at: end)
        state.end += Int64(bytes.count)
        state.records += rows.count
    }

    private func rewrite(_ catalogue: BlobCatalogue, _ state: inout State) throws(SystemError) {
        let held = try HeldDirectory.open(SystemPath(directory), layer: layer)
        var new = try held.replacement(Self.name, temporary: .fixed(FileName(own: ".catalogue-new")))
        // What changes from now on is written beside the rest later.
        while !catalogue.takeChanged().isEmpty {}
        let descriptor = new.descriptor
        var (end, records) = (Int64(0), 0)
        do throws(SystemError) {
            try write(RowRecord.header, to: descriptor, &end)
            try catalogue.eachStride { rows throws(SystemError) in
                var bytes: [UInt8] = []
                bytes.reserveCapacity(rows.count * RowRecord.byteCount)
                for row in rows { RowRecord.append(row, to: &bytes) }
                try write(bytes, to: descriptor, &end)
                records += rows.count
            }
            try new.commit(isDurable: false)
        } catch {
            // The old file lacks what was taken above: the next writing is a whole one again.
            state = State()
            throw error
        }
        state = State(file: nil, end: end, records: records)
    }

    private func write(_ bytes: [UInt8], to descriptor: Descriptor, _ end: inout Int64) throws(SystemError) {
        try layer.write(descriptor, bytes, at: end)
        end += Int64(bytes.count)
    }
}
