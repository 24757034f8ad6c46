/// Checks that no file is named twice and none is another's directory, in `O(n log n)`, and `O(n)` when sorted.
enum PathSetCheck {
    static func check(_ files: [ContentLayout.Unplaced]) throws(MetainfoError) {
        // Padding is never written, so its names mean nothing.
        var paths: [SafePath] = []
        paths.reserveCapacity(files.count)
        var isSorted = true
        for file in files where !file.isPadding {
            if isSorted, let last = paths.last, !(last < file.path) { isSorted = false }
            paths.append(file.path)
        }
        if !isSorted { paths.sort() }
        // Sorted by components, a path stands directly before the paths below it, so neighbours tell all.
        for index in paths.indices.dropFirst() {
            if paths[index - 1] == paths[index] { throw .duplicatePath(paths[index].display) }
            if paths[index - 1].isDirectory(of: paths[index]) { throw .fileIsDirectory(paths[index - 1].display) }
        }
    }
}
