import { render } from 'preact';
import { App } from './app.tsx';
import './page.css';
import { applyRememberedScheme } from './scheme.tsx';
import { start } from './store.ts';

applyRememberedScheme();
start();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
