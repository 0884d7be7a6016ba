;;; codeflow-lsp.el --- CodeFlow by way of lsp-mode  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Registers the server with lsp-mode, beside the language's own, and answers what codeflow-client.el asks.
;; Loaded once lsp-mode is.

;;; Code:

(require 'lsp-mode)
(require 'codeflow-client)
(require 'codeflow-options)
(require 'codeflow-show)

(declare-function codeflow-mode "codeflow")

(defun codeflow-lsp--plain (value)
  "VALUE with property lists in place of hash tables."
  (cond
   ((hash-table-p value)
    (let (plist)
      (maphash (lambda (key one)
                 (push (intern (concat ":" key)) plist)
                 (push (codeflow-lsp--plain one) plist))
               value)
      (nreverse plist)))
   ((vectorp value) (cl-map 'vector #'codeflow-lsp--plain value))
   (t value)))

(defun codeflow-lsp--client ()
  "The current buffer's workspace of CodeFlow, where there is one."
  (and (bound-and-true-p lsp-mode)
       (seq-find (lambda (workspace)
                   (eq 'codeflow (lsp--client-server-id (lsp--workspace-client workspace))))
                 (lsp-workspaces))))

(defun codeflow-lsp--follow ()
  "Switch `codeflow-mode' on where lsp-mode has a CodeFlow server, or off."
  (if (codeflow-lsp--client)
      (codeflow-mode 1)
    (when (bound-and-true-p codeflow-mode) (codeflow-mode -1))))

(defun codeflow-lsp--wanted-p (_file mode)
  "Whether CodeFlow serves buffers in MODE."
  (apply #'provided-mode-derived-p mode (mapcar #'car codeflow-modes)))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection (lambda () codeflow-command))
  :activation-fn #'codeflow-lsp--wanted-p
  :server-id 'codeflow
  :add-on? t
  :priority -1
  :multi-root t
  :initialization-options #'codeflow-initialization-options
  ;; lsp-mode 8 announces nothing, and counts characters
  :custom-capabilities '((general . ((positionEncodings . ["utf-32"]))))
  :notification-handlers
  (lsp-ht ("codeflow/status"
           (lambda (workspace status) (codeflow-show-status workspace (codeflow-lsp--plain status)))))))

(dolist (mode codeflow-modes)
  (unless (assq (car mode) lsp-language-id-configuration)
    (add-to-list 'lsp-language-id-configuration mode t)))

(add-hook 'codeflow-client-functions #'codeflow-lsp--client)
(add-hook 'lsp-mode-hook #'codeflow-lsp--follow) ; where the server runs already; only then are its buffers known
(add-hook 'lsp-after-open-hook #'codeflow-lsp--follow)
(add-hook 'lsp-managed-mode-hook #'codeflow-lsp--follow)

;;; What codeflow-client.el asks

(defvar codeflow-lsp--asked 0 "How many requests were sent.")

(cl-defmethod codeflow-client-request ((workspace lsp--workspace) method params success failure)
  "Ask WORKSPACE's server for METHOD with PARAMS; call SUCCESS or FAILURE."
  (with-lsp-workspace workspace
    (let ((token (cl-incf codeflow-lsp--asked))) ; of its own: lsp-mode cancels the one before with the same
      (lsp-request-async method params
                         (lambda (result) (funcall success (codeflow-lsp--plain result)))
                         :mode 'detached
                         :cancel-token token
                         :error-handler
                         (lambda (problem)
                           (funcall failure (plist-get (codeflow-lsp--plain problem) :message))))
      token)))

(cl-defmethod codeflow-client-cancel ((_workspace lsp--workspace) id)
  "Cancel the request ID."
  (lsp-cancel-request-by-token id))

(cl-defmethod codeflow-client-notify ((workspace lsp--workspace) method params)
  "Tell WORKSPACE's server METHOD with PARAMS."
  (with-lsp-workspace workspace (lsp-notify method params)))

(cl-defmethod codeflow-client-flush ((_workspace lsp--workspace))
  "Send what lsp-mode has not sent yet."
  (lsp--flush-delayed-changes))

(cl-defmethod codeflow-client-uri ((_workspace lsp--workspace))
  "The current buffer's URI."
  (lsp--buffer-uri))

(cl-defmethod codeflow-client-path ((_workspace lsp--workspace) uri)
  "The file that URI stands for."
  (lsp--uri-to-path uri))

(cl-defmethod codeflow-client-encoding ((workspace lsp--workspace))
  "How WORKSPACE's server counts."
  (let ((capabilities (lsp--workspace-server-capabilities workspace)))
    (or (if (hash-table-p capabilities)
            (gethash "positionEncoding" capabilities)
          (plist-get capabilities :positionEncoding))
        "utf-16")))

(cl-defmethod codeflow-client-apply ((workspace lsp--workspace) edit)
  "Make EDIT as lsp-mode does for WORKSPACE."
  (with-lsp-workspace workspace
    (lsp--apply-workspace-edit (codeflow-lsp--object edit) 'code-action)))

(defun codeflow-lsp--object (value)
  "VALUE as lsp-mode has objects: the opposite of `codeflow-lsp--plain'."
  (cond
   (lsp-use-plists value)
   ((and (consp value) (keywordp (car value)))
    (let ((table (make-hash-table :test #'equal)))
      (cl-loop for (key one) on value by #'cddr
               do (puthash (substring (symbol-name key) 1) (codeflow-lsp--object one) table))
      table))
   ((vectorp value) (cl-map 'vector #'codeflow-lsp--object value))
   (t value)))

(cl-defmethod codeflow-client-restart ((workspace lsp--workspace))
  "Stop WORKSPACE's server and start it again."
  (lsp-workspace-restart workspace))

(provide 'codeflow-lsp)
;;; codeflow-lsp.el ends here
