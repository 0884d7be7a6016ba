;;; codeflow.el --- CodeFlow for eglot and lsp-mode  -*- lexical-binding: t; -*-

;; Suggestions appear in the completion menu (company, corfu or the built-in one).  Take the half that
;; belongs to your client.  Not tried in a real Emacs yet.

;;; Code:

;; eglot serves a buffer with one server, so in these modes CodeFlow takes the place of another one.
(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               '((python-mode python-ts-mode) . ("codeflow-lsp" "--stdio"))))

;; lsp-mode runs it beside the language's own server.
(with-eval-after-load 'lsp-mode
  (lsp-register-client
   (make-lsp-client :new-connection (lsp-stdio-connection '("codeflow-lsp" "--stdio"))
                    :activation-fn (lambda (_file mode) (provided-mode-derived-p mode 'prog-mode))
                    :add-on? t
                    :server-id 'codeflow)))

(provide 'codeflow)
;;; codeflow.el ends here
