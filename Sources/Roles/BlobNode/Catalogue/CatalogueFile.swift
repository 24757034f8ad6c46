import Files
import Glibc
import Hashing
import Synchronization

/// The catalogue's file, so that a start reads one file instead of one for each blob. It is only a cache: the directory says
/// which blobs exist, and rows that are missing here are made from the blobs' own files. So the file is never synced to
/// disk, and a damaged record is ignored.
///
/// Changed rows are appended, and the last record of a blob counts. A file with many outdated records is rewritten.
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
    /// The file is rewritten when it has more records than this, and more than twice as many as there are blobs.
    private static let fewRecords = 20_000

    init(directory: String, layer: any FileLayer) {
        self.directory = directory
        self.layer = layer
    }

    /// Calls `body` with the rows, oldest record first. Blocks.
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
            // A last record that a crash cut off is overwritten by the next write.
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

    /// Writes the rows that have changed. Blocks.
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
        // All rows are written below. Only rows that change from now on count as changed.
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
            // The old file lacks the changes that were dropped above, so the next write has to be a rewrite too.
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
