import Files
import Identity
import TestSupport
import Testing
import Text

@Suite struct PrivateFileTests {
    @Test func `A key is made once, in a file that only its owner reads`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/key.pem"
            #expect(try HostKey.read(path) == nil)
            let key = try HostKey.inFile(path)
            #expect(try HostKey.inFile(path).publicKey == key.publicKey)
            #expect(try HostKey.read(path)?.publicKey == key.publicKey)
            #expect(try SystemFileLayer().status(path: SystemPath(path)).permissions & 0o777 == 0o600)
            #expect(try SystemFileLayer().names(in: SystemPath(directory), followSymlink: true).count == 1)
            #expect("\(key)" == "<private key>")
        }
    }

    @Test func `Of many that make a secret at once all have the same`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.secret"
            let sealed = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<8 {
                    group.addTask { try await onThread { try SealingSecret.inFile(path).seal([1, 2, 3], for: "x") } }
                }
                return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
            }
            let secret = try #require(try SealingSecret.read(path))
            for bytes in sealed { #expect(try secret.open(bytes, for: "x") == [1, 2, 3]) }
            #expect(throws: IdentityProblem.self) { try secret.open(sealed[0], for: "y") }
            #expect(try SystemFileLayer().status(path: SystemPath(path)).permissions & 0o777 == 0o600)
        }
    }

    @Test func `A secret of another length, or one that others may read, is refused`() async throws {
        try await withDirectory { directory in
            let (short, open) = ("\(directory)/short", "\(directory)/open")
            _ = try PrivateFile.create(short, [1, 2, 3])
            #expect(throws: IdentityProblem.self) { try SealingSecret.inFile(short) }
            _ = try SealingSecret.inFile(open)
            _ = try Command.run(["chmod", "644", open])
            #expect(throws: IdentityProblem.self) { try SealingSecret.inFile(open) }
        }
    }

    @Test func `Replacing keeps the mode`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/file"
            #expect(try PrivateFile.create(path, [1]))
            #expect(try !PrivateFile.create(path, [2]))
            #expect(try PrivateFile.read(path) == [1])
            try PrivateFile.replace(path, [3])
            #expect(try PrivateFile.read(path) == [3])
            #expect(try SystemFileLayer().status(path: SystemPath(path)).permissions & 0o777 == 0o600)
        }
    }
}
