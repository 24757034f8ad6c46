import Delivery
import HTTPTransport
import NIOCore
import NIOHTTP1
import ObjectStore
import Text

/// Tests whether a method works for a task, by requesting one byte of a file.
struct SourceProbe: Sendable {
    let task: TaskFile
    let context: NodeContext

    /// - Parameter files: indices in the task's list of files that the method is to fetch.
    /// - Returns: nil if the method works.
    func run(_ method: DeliveryMethod, files: [Int]) async -> SourceTrouble? {
        let candidates = files.isEmpty ? Array(task.fileList.indices) : files
        guard let file = candidates.map({ task.fileList[$0] }).first(where: { $0.size > 0 }) else { return nil }
        switch method {
        case .bt: return nil
        case .obs: return await askStore(file)
        case .cdn: return await askServer(file)
        }
    }

    private func askStore(_ file: TaskFileEntry) async -> SourceTrouble? {
        do {
            let (store, prefix) = try context.store(of: task)
            let info = try await store.head(key: StoreUpload.key(file, task, prefix: prefix), isPatient: false)
            return info.size == file.size ? nil : .status(404)
        } catch let error as ObjectStoreError {
            switch error.kind {
            case .unresolved: return .nameNotResolved(host: "the object store")
            case .unreachable: return .connectionRefused(host: "the object store")
            case .denied: return .status(403)
            case .noSuchBucket, .noSuchKey: return .status(404)
            default: return .other(error.description)
            }
        } catch {
            // Without keys or an endpoint no request is possible.
            return .status(403)
        }
    }

    private func askServer(_ file: TaskFileEntry) async -> SourceTrouble? {
        let path = task.type == .file ? "" : "/" + NodePaths.percentEncoded(file.file)
        guard let url = HTTPURL(task.cdn.url + path) else { return .status(404) }
        do throws(HTTPTransportError) {
            let answer = try await context.transport.get(
                url, headers: ["Range": "bytes=0-0"], deadline: .now() + .seconds(20))
            return [200, 206].contains(answer.status.code) ? nil : .status(Int(answer.status.code))
        } catch {
            switch error {
            case .unresolved(let host): return .nameNotResolved(host: host)
            case .unreachable(let host, _): return .connectionRefused(host: host)
            default: return .other(error.description)
            }
        }
    }
}
