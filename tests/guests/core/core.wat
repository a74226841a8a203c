;; A core module: WebAssembly, and no component.
(module
  (memory (export "memory") 1)
  (func (export "apply") (result i32)
    i32.const 0))
