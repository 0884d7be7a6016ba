;;; codeflow-eglot.el --- CodeFlow by way of eglot  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; Registers the server with eglot and answers what codeflow-client.el asks.  eglot serves a buffer with one
;; server, so in the modes of `codeflow-modes' CodeFlow takes the place of another one.  Loaded once eglot is.

;;; Code:

(require 'eglot)
(require 'codeflow-client)
(require 'codeflow-options)
(require 'codeflow-show)

(declare-function codeflow-mode "codeflow")

(defclass codeflow-eglot-server (eglot-lsp-server) ()
  :documentation "A `codeflow-lsp' that eglot has started.")

(defun codeflow-eglot--contact (&rest _)
  "The command for eglot."
  (cons 'codeflow-eglot-server codeflow-command))

(pcase-dolist (`(,mode . ,language) codeflow-modes)
  (add-to-list 'eglot-server-programs (cons (list mode :language-id language) #'codeflow-eglot--contact)))

(defun codeflow-eglot--client ()
  "The current buffer's server, where it is CodeFlow's."
  (and (eglot-managed-p)
       (let ((server (eglot-current-server)))
         (and (object-of-class-p server 'codeflow-eglot-server) server))))

(defun codeflow-eglot--follow ()
  "Switch `codeflow-mode' on where eglot has a CodeFlow server, or off."
  (if (codeflow-eglot--client)
      (codeflow-mode 1)
    (when (bound-and-true-p codeflow-mode) (codeflow-mode -1))))

(add-hook 'codeflow-client-functions #'codeflow-eglot--client)
(add-hook 'eglot-managed-mode-hook #'codeflow-eglot--follow)

;;; What eglot tells the server

(cl-defmethod eglot-initialization-options ((_server codeflow-eglot-server))
  "The settings, as `codeflow-settings' has them."
  (or (codeflow-initialization-options) eglot--{}))

(cl-defmethod eglot-client-capabilities ((_server codeflow-eglot-server))
  "What eglot can do, and that texts can be looked at."
  (let* ((capabilities (cl-call-next-method))
         (window (copy-sequence (plist-get capabilities :window))))
    (plist-put capabilities :window (plist-put window :showDocument '(:support t)))))

(cl-defmethod eglot-execute-command ((server codeflow-eglot-server) command arguments)
  "Have SERVER execute COMMAND with ARGUMENTS.
Without waiting: a model may take its time."
  (codeflow-client-execute server (format "%s" command) arguments nil
                           (lambda (problem) (when problem (message "CodeFlow: %s" problem)))))

;;; What the server tells

(cl-defmethod eglot-handle-notification
  ((server codeflow-eglot-server) (_method (eql 'codeflow/status)) &rest status)
  "Keep the STATUS of SERVER."
  (codeflow-show-status server status))

(cl-defmethod eglot-handle-request
  ((_server codeflow-eglot-server) (_method (eql 'workspace/configuration)) &key items)
  "The settings, once for each of ITEMS."
  (cl-map 'vector (lambda (_) (codeflow-initialization-options)) items))

(cl-defmethod eglot-handle-request
  ((server codeflow-eglot-server) (_method (eql 'window/showDocument))
   &key uri external selection &allow-other-keys)
  "Show a text of SERVER's, named by URI.
EXTERNAL and SELECTION mean what is not ours."
  (let ((path (codeflow-client-path server uri)))
    (if (or (eq external t) selection (not (file-readable-p path)))
        (cl-call-next-method)
      (run-with-timer 0 nil #'codeflow-show-file path)
      '(:success t))))

;;; What codeflow-client.el asks

(cl-defmethod codeflow-client-request ((server codeflow-eglot-server) method params success failure)
  "Ask SERVER for METHOD with PARAMS; call SUCCESS or FAILURE."
  (let ((sent (jsonrpc-async-request
               server (intern (concat ":" method)) params
               :success-fn (lambda (result) (funcall success result))
               :error-fn (lambda (problem) (funcall failure (plist-get problem :message)))
               :timeout nil)))
    (or (car-safe sent) (jsonrpc--next-request-id server)))) ; before jsonrpc 1.0.26 nothing is returned

(cl-defmethod codeflow-client-cancel ((server codeflow-eglot-server) id)
  "Tell SERVER that nobody waits for ID."
  (when (jsonrpc-running-p server)
    (jsonrpc-notify server :$/cancelRequest (list :id id))))

(cl-defmethod codeflow-client-notify ((server codeflow-eglot-server) method params)
  "Tell SERVER METHOD with PARAMS."
  (jsonrpc-notify server (intern (concat ":" method)) params))

(cl-defmethod codeflow-client-flush ((_server codeflow-eglot-server))
  "Send what eglot has not sent yet: it waits for half a second of rest."
  (eglot--signal-textDocument/didChange))

(cl-defmethod codeflow-client-uri ((_server codeflow-eglot-server))
  "The current buffer's URI."
  (plist-get (eglot--TextDocumentIdentifier) :uri))

(cl-defmethod codeflow-client-path ((_server codeflow-eglot-server) uri)
  "The file that URI stands for."
  (if (fboundp 'eglot-uri-to-path) (eglot-uri-to-path uri) (eglot--uri-to-path uri)))

(cl-defmethod codeflow-client-encoding ((server codeflow-eglot-server))
  "How SERVER counts."
  (or (plist-get (eglot--capabilities server) :positionEncoding) "utf-16"))

(cl-defmethod codeflow-client-apply ((server codeflow-eglot-server) edit)
  "Make EDIT as eglot does; SERVER is named to those versions that ask for it."
  (pcase (car (func-arity 'eglot--apply-workspace-edit))
    (1 (eglot--apply-workspace-edit edit))
    (2 (with-no-warnings (eglot--apply-workspace-edit edit 'codeflow-edit)))
    (_ (with-no-warnings (eglot--apply-workspace-edit server edit 'codeflow-edit)))))

(cl-defmethod codeflow-client-restart ((server codeflow-eglot-server))
  "Stop SERVER and start it again."
  (eglot-reconnect server))

(provide 'codeflow-eglot)
;;; codeflow-eglot.el ends here
