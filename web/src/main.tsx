import { render } from 'preact';
import './style.css';
import { Shell } from './shell/shell';

const page = document.getElementById('page')!;
page.textContent = '';
render(<Shell />, page);
