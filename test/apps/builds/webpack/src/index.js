import { shout } from './text';
import './style.scss';

document.body.append(shout('packed'));
import(/* webpackChunkName: "later" */ './later').then(({ later }) => later());
