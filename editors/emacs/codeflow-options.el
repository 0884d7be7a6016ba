;;; codeflow-options.el --- What can be set of CodeFlow  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; The user's options and faces.  The server's own settings are passed on as they are; docs/settings.md has
;; them.  Knows neither clients nor buffers.

;;; Code:

(require 'cl-lib)

(defgroup codeflow nil
  "A private coding assistant that runs on this machine."
  :group 'tools
  :prefix "codeflow-")

(defcustom codeflow-command '("codeflow-lsp" "--stdio")
  "How the server is started: a program and its arguments."
  :type '(repeat string))

(defcustom codeflow-modes
  '((python-mode . "python") (python-ts-mode . "python")
    (sh-mode . "shellscript") (bash-ts-mode . "shellscript")
    (c-mode . "c") (c-ts-mode . "c")
    (c++-mode . "cpp") (c++-ts-mode . "cpp")
    (csharp-mode . "csharp") (csharp-ts-mode . "csharp")
    (go-mode . "go") (go-ts-mode . "go")
    (java-mode . "java") (java-ts-mode . "java")
    (js-mode . "javascript") (js-ts-mode . "javascript") (js2-mode . "javascript")
    (kotlin-mode . "kotlin") (kotlin-ts-mode . "kotlin")
    (lua-mode . "lua") (lua-ts-mode . "lua")
    (php-mode . "php") (php-ts-mode . "php")
    (ruby-mode . "ruby") (ruby-ts-mode . "ruby")
    (rust-mode . "rust") (rust-ts-mode . "rust")
    (scala-mode . "scala") (scala-ts-mode . "scala")
    (swift-mode . "swift") (swift-ts-mode . "swift")
    (typescript-mode . "typescript") (typescript-ts-mode . "typescript") (tsx-ts-mode . "typescriptreact")
    (yaml-mode . "yaml") (yaml-ts-mode . "yaml"))
  "The major modes that CodeFlow serves.
Each comes with the protocol's name for its language.  To be set before
codeflow.el is loaded."
  :type '(alist :key-type symbol :value-type string))

(defcustom codeflow-settings nil
  "The server's settings, as a property list.
Such as (:model (:name \"qwen2.5-coder-0.5b\")); read when a server starts."
  :type 'plist)

(defcustom codeflow-ghost-text t
  "Whether suggestions are drawn as ghost text.
Otherwise they are entries of the completion menu.  Read when a server
starts."
  :type 'boolean)

(defcustom codeflow-delay 0.075
  "Seconds of rest after a key before a suggestion is asked for."
  :type 'number)

(defface codeflow-ghost '((t :inherit shadow))
  "Ghost text.")

(defface codeflow-more '((t :inherit shadow :slant italic))
  "Which of several suggestions is shown.")

(defun codeflow-initialization-options ()
  "The settings that a server is started with."
  (let ((completion (plist-get codeflow-settings :completion)))
    (if (or (not codeflow-ghost-text) (plist-member completion :menu))
        codeflow-settings
      ;; what is drawn is not in the menu as well
      (plist-put (copy-sequence codeflow-settings) :completion (append '(:menu "never") completion)))))

(provide 'codeflow-options)
;;; codeflow-options.el ends here
