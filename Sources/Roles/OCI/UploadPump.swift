import Admission
import Blobs
import HTTPServing
import Hummingbird
import NIOCore
import NIOPosix
import Threads

/// Writes the body of a request to an upload. The next batch is received while the one before is written and hashed.
package struct UploadPump: Sendable {
    let upload: BlobUpload
    let place: Admission.RequestTicket
    /// Gets the same bytes; nil for none.
    let tap: (any UploadTap)?

    /// Bytes that are written and hashed at a time.
    private static let batchBytes = 1 << 20

    package init(upload: BlobUpload, place: Admission.RequestTicket, tap: (any UploadTap)? = nil) {
        self.upload = upload
        self.place = place
        self.tap = tap
    }

    /// - Throws: `brokenOff` where the client disconnects or stops sending. The bytes that have arrived are kept.
    package func run(_ body: RequestBody) async throws(UploadProblem) {
        do throws(UploadProblem) {
            try await take(body)
        } catch {
            await tap?.end()
            throw error
        }
        await tap?.end()
    }

    private func take(_ body: RequestBody) async throws(UploadProblem) {
        var batch: [ByteBuffer] = []
        var count = 0
        var before: Task<UploadProblem?, Never>?
        var problem: UploadProblem?
        do {
            for try await part in body {
                count += part.readableBytes
                batch.append(part)
                guard count >= Self.batchBytes else { continue }
                problem = await before?.value
                before = nil
                if problem != nil { break }
                before = append(batch)
                await tap?.pass(batch)
                place.progressed(now: Clocks.steadySeconds)
                (batch, count) = ([], 0)
            }
        } catch {
            problem = .brokenOff
        }
        let last = await before?.value
        if let failure = last ?? (problem == .brokenOff ? nil : problem) { throw failure }
        let rest = append(batch)
        await tap?.pass(batch)
        if let failure = await rest.value { throw failure }
        if let problem {
            try? upload.pause()
            throw problem
        }
    }

    private func append(_ batch: [ByteBuffer]) -> Task<UploadProblem?, Never> {
        Task {
            do {
                return try await NIOThreadPool.singleton.runIfActive { () -> UploadProblem? in
                    for buffer in batch {
                        let result = buffer.withUnsafeReadableBytes { bytes in Result { try upload.append([bytes]) } }
                        if case .failure(let problem) = result { return problem as? UploadProblem ?? .brokenOff }
                    }
                    return nil
                }
            } catch {
                return .brokenOff
            }
        }
    }
}
